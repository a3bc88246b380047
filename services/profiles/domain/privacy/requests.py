"""A person asked to be forgotten, or to be told all that is kept: which services are to answer, and which have.

Facts of one request id. Each is heard in any order: the earliest question counts, and of each service the earliest answer. Who asked to
be forgotten is forgotten here too, as soon as everybody has answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce

DEADLINE = timedelta(days=30)  # a month, as GDPR Art. 12 (3) gives
REMIND_EVERY = timedelta(hours=6)
ARCHIVE_KEPT = timedelta(days=7)
MARGIN = timedelta(minutes=1)  # services hear of a request at different moments: what happens meanwhile goes as well, everywhere


class Wish(StrEnum):
    ERASURE = "erasure"
    EXPORT = "export"


class Reason(StrEnum):
    REQUEST = "request"
    INACTIVITY = "inactivity"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, by whom, of whom. `happened_before` is given for an erasure."""

    wish: Wish
    at: datetime
    event_id: str
    customer_id: str
    identity_keys: tuple[str, ...]
    services: tuple[str, ...]
    requested_by: str
    reason: Reason = Reason.REQUEST
    happened_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: `parts` of its answer that were heard with their times, of how many; documents that it erased."""

    parts: Mapping[int, datetime] = field(default_factory=dict)
    of: int = 1
    erased: int | None = None

    @property
    def at(self) -> datetime | None:
        """When the last part came; None while one is missing."""
        return max(self.parts.values()) if len(self.parts) >= self.of else None


@dataclass(frozen=True, slots=True)
class Request:
    """All facts about one request."""

    request_id: str = ""
    question: Question | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    reminders: tuple[datetime, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The services that have not answered in full."""
        asked = self.question.services if self.question else ()
        return [service for service in asked if service not in self.answers or self.answers[service].at is None]

    @property
    def completed_at(self) -> datetime | None:
        """When the last of all services had answered; None while one is missing."""
        if self.question is None or self.missing:
            return None
        return max((answer.at for answer in self.answers.values() if answer.at), default=self.question.at)

    @property
    def due_at(self) -> datetime | None:
        return self.question.at + DEADLINE if self.question else None

    @property
    def next_reminder(self) -> datetime | None:
        """When services that are missing are asked again; None where nobody is to be."""
        if self.question is None or self.completed_at:
            return None
        return max(self.reminders, default=self.question.at) + REMIND_EVERY


def ask(request: Request, request_id: str, question: Question) -> Request:
    """Hear what was asked; of repetitions the earliest counts."""
    known = request.question
    if known and (known.at, known.event_id) <= (question.at, question.event_id):
        return request
    return _without_keys(replace(request, request_id=request_id, question=question))


def answer(request: Request, request_id: str, service: str, heard: Answer) -> Request:
    """Hear a service answer, or a part of its answer."""
    answers = _joined(request.answers, {service: heard})
    if answers == request.answers:
        return request
    return _without_keys(replace(request, request_id=request_id, answers=answers))


def remind(request: Request, due: datetime) -> Request:
    """The time for a reminder came."""
    return request if due in request.reminders else replace(request, reminders=tuple(sorted((*request.reminders, due))))


def merge_requests(requests: Sequence[Request]) -> Request:
    """What several heard of one request. Does not depend on their order."""
    return reduce(_merged, requests, Request())


def _merged(left: Request, right: Request) -> Request:
    merged = left if right.question is None else ask(left, right.request_id, right.question)
    merged = replace(merged, request_id=left.request_id or right.request_id, answers=_joined(merged.answers, right.answers))
    return _without_keys(replace(merged, reminders=tuple(sorted({*left.reminders, *right.reminders}))))


def _joined(left: Mapping[str, Answer], right: Mapping[str, Answer]) -> dict[str, Answer]:
    joined = dict(left)
    for service, heard in right.items():
        known = joined.get(service)
        joined[service] = _together(known, heard) if known else heard
    return joined


def _together(known: Answer, heard: Answer) -> Answer:
    """Of each part the earliest hearing. What was erased first is what there was: a repetition finds nothing more."""
    both = {**known.parts, **heard.parts}
    parts = {number: min(one.parts[number] for one in (known, heard) if number in one.parts) for number in both}
    erased = max((one.erased for one in (known, heard) if one.erased is not None), default=None)
    return Answer(parts, max(known.of, heard.of), erased)


def _without_keys(request: Request) -> Request:
    if request.completed_at is None or request.question is None:
        return request
    return replace(request, question=replace(request.question, identity_keys=()))
