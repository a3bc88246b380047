"""Requests about a person's data: asked at a desk or by a term of retention, followed up until every service has answered."""

import uuid
from dataclasses import replace
from datetime import datetime

from services.profiles.domain.customer import Customer
from services.profiles.domain.facts import DataAsked, Erased, Provided, Reminded
from services.profiles.domain.privacy.requests import MARGIN, Answer, Question, Reason, Request, Wish, answer, ask, remind
from services.profiles.domain.privacy.retention import Retention, erased_at
from services.profiles.storage.data_requests import MODEL as REQUESTS
from services.profiles.storage.data_requests import SUBJECT, part_row, request_row
from shared import events
from shared.commerce.orders import in_milliseconds
from shared.envelope import Event
from shared.events import ERASURE_REQUESTED, EXPORT_REQUESTED
from shared.handlers import Announcement, Consequences, Folded, Timer, fires, follows, handles, handles_each
from shared.identity import PREFIX
from shared.mongo import server_time
from shared.registry import service_names
from shared.timers import look_again
from shared.unit_of_work import UnitOfWork, command

REMINDER = "data_request_reminder"
_KINDS = {Wish.ERASURE: ERASURE_REQUESTED, Wish.EXPORT: EXPORT_REQUESTED}
_SELF = "retention"  # who asks where a term of retention does


def subject_of(request_id: str) -> str:
    """The subject of a request's events: it is about the request, and tells nothing of the person."""
    return f"{SUBJECT}{request_id}"


class RequestHandlers:
    """What profiles hears of requests."""

    @handles(events.ERASURE_REQUESTED, REQUESTS)
    def on_erasure_requested(self, request: Request, fact: DataAsked, event: Event) -> Request:
        """The request is open until every service has answered; the runtime erases what profiles keeps itself."""
        return ask(request, fact.erasure_id, _asked_for(Wish.ERASURE, fact, event))

    @handles(events.EXPORT_REQUESTED, REQUESTS)
    def on_export_requested(self, request: Request, fact: DataAsked, event: Event) -> Request:
        """The request is open until every service has told all that it keeps."""
        return ask(request, fact.export_id, _asked_for(Wish.EXPORT, fact, event))

    @handles_each([events.ERASURE_COMPLETED.by(service) for service in service_names()], REQUESTS)
    def on_erasure_completed(self, request: Request, fact: Erased, event: Event) -> Request:
        """A service has erased; when all have, the request is completed."""
        heard = Answer({1: in_milliseconds(event.time)}, erased=fact.erased)
        return answer(request, fact.erasure_id, fact.service, heard)

    @handles_each([events.EXPORT_PROVIDED.by(service) for service in service_names()], REQUESTS)
    def on_export_provided(self, request: Request, fact: Provided, event: Event) -> Folded:
        """A service told what it keeps, or a part of it; when all have told all, the archive can be fetched."""
        heard = answer(request, fact.export_id, fact.service, Answer({fact.part: in_milliseconds(event.time)}, fact.parts))
        return Folded(heard, journal=(part_row(event, fact.export_id, fact.service, fact.part, fact.content),))

    @fires(REMINDER, REQUESTS)
    def on_reminder(self, request: Request, fact: Reminded, event: Event) -> Request:
        """Services that have not answered in a while are asked again."""
        return remind(request, event.time)

    @follows(REQUESTS)
    def follow_request(self, key: str, request: Request, rules: None, now: datetime) -> Consequences:
        """A request is listed, and reminded of until it is completed."""
        return consequences(request)


def _asked_for(wish: Wish, fact: DataAsked, event: Event) -> Question:
    said = (fact.customer_id, fact.identity_keys, fact.services, fact.requested_by, fact.reason, fact.happened_before)
    return Question(wish, in_milliseconds(event.time), event.id, *said)


def consequences(request: Request) -> Consequences:
    """The row that lists it, and while somebody has not answered the next reminder and those that were due."""
    if request.question is None:
        return Consequences()
    due = request.next_reminder
    timers = (Timer(REMINDER, request.request_id, subject_of(request.request_id), due),) if due else ()
    reminded = tuple(_reminder(request, request.question, at) for at in request.reminders) if due else ()
    return Consequences(timers=timers, rows=(request_row(request, request.question),), announcements=reminded)


def _reminder(request: Request, question: Question, at: datetime) -> Announcement:
    return _asked(question, request.request_id, f"{request.request_id}/{at.isoformat()}", at)


def _asked(question: Question, request_id: str, key: str, at: datetime) -> Announcement:
    data = {
        "customer_id": question.customer_id,
        "identity_keys": list(question.identity_keys),
        "services": list(question.services),
        "requested_by": question.requested_by,
    }
    if question.wish is Wish.EXPORT:
        return Announcement(EXPORT_REQUESTED, key, subject_of(request_id), at, {**data, "export_id": request_id})
    before = question.happened_before or at
    erasure = {"erasure_id": request_id, "happened_before": before.isoformat(), "reason": question.reason.value}
    return Announcement(ERASURE_REQUESTED, key, subject_of(request_id), at, {**data, **erasure})


def retention(
    customer_id: str, customer: Customer, terms: Retention, now: datetime
) -> tuple[tuple[Timer, ...], tuple[Announcement, ...]]:
    """A timer at the end of somebody's term; from then on the request to erase them."""
    last = customer.activity.last
    due = erased_at(terms, customer_id, customer.is_known, last)
    if due is None or last is None or not customer.identity_keys:
        return (), ()
    if now < due:
        return (look_again(f"retention/{customer_id}", customer_id, customer.identity_keys, due),), ()
    request_id = f"era_{customer_id.removeprefix(PREFIX)}-{int(last.timestamp() * 1000):x}"
    asked = _question(Wish.ERASURE, (customer_id, customer), _SELF, now)
    return (), (_asked(replace(asked, reason=Reason.INACTIVITY), request_id, request_id, due),)


def request(work: UnitOfWork, wish: Wish, person: tuple[str, Customer], requested_by: str) -> str:
    """Ask all services about a person; returns the id of the request. Raises StoreAway."""
    now = server_time(work.database)
    request_id = f"{'era' if wish is Wish.ERASURE else 'exp'}_{uuid.uuid4().hex}"
    said = _asked(_question(wish, person, requested_by, now), request_id, request_id, now)
    return command(work.database, lambda session: (request_id, (said,)))


def _question(wish: Wish, person: tuple[str, Customer], requested_by: str, now: datetime) -> Question:
    customer_id, customer = person
    before = now + MARGIN if wish is Wish.ERASURE else None
    keys, services = customer.identity_keys, tuple(service_names())
    return Question(wish, now, "", customer_id, keys, services, requested_by, happened_before=before)
