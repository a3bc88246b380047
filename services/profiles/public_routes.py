"""HTTP for customers themselves: confirming a grant, and the preference centre. A sealed token in the path is all that opens them.

Reading changes nothing, since mail scanners open every link; a grant is confirmed, and a choice saved, by a POST or PATCH alone.
"""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema
from werkzeug.wrappers import Request, Response

from services.profiles import pages
from services.profiles.consent_desk import Circumstances, ConsentDesk, Party
from services.profiles.consent_routes import PUBLIC, preferences
from services.profiles.domain.consent.choices import asked_of_customers
from services.profiles.domain.consent.links import Link, LinkKind
from services.profiles.domain.consent.preferences import Pace
from services.profiles.domain.consent.proof import as_kept
from services.profiles.domain.consent.rules import name_in
from services.profiles.domain.consent.words import Scope, scope_of
from services.profiles.schemas import consent as schemas
from services.profiles.texts import Voice, accepted
from shared.errors import Gone, NotFound
from shared.extension import Work
from shared.http import Api, answer, door, route

_OPT_IN = f"{PUBLIC}/opt-in/<token>"
_CENTRE = f"{PUBLIC}/preferences/<token>"
Answer = Callable[[], Response]


class PublicRoutes(Api):
    """What customers do by the links that they were sent."""

    work = Work()

    @route("GET", _OPT_IN, summary="A grant that is to be confirmed", response=schemas.OptIn(), open_to_all=True)
    def get_opt_in(self, token: str) -> Response:
        """Reading it confirms nothing."""
        party, link = ConsentDesk(self.work).by_link(token, LinkKind.OPT_IN)
        return _private(schemas.OptIn(), _opt_in(party, link))

    @route("POST", _OPT_IN, summary="Confirm a grant", response=schemas.OptIn(), open_to_all=True)
    def confirm_opt_in(self, token: str) -> Response:
        """From now on it counts. Doing so again changes nothing."""
        desk = ConsentDesk(self.work)
        party, link = desk.by_link(token, LinkKind.OPT_IN)
        confirmed = desk.confirm(party, link, token, Circumstances({"source": "confirmation"}))
        return _private(schemas.OptIn(), _opt_in(confirmed, link))

    @door("GET", f"{_OPT_IN}/page", open_to_all=True)
    def show_opt_in(self, request: Request, token: str) -> Response:
        """A page with the button that confirms."""

        def answered() -> Response:
            party, link = ConsentDesk(self.work).by_link(token, LinkKind.OPT_IN)
            return pages.opt_in_page(party, _asked(link), _voice(party, request), _opt_in(party, link)["status"] == "granted")

        return self._page(request, answered)

    @door("POST", f"{_OPT_IN}/page", open_to_all=True)
    def press_opt_in(self, request: Request, token: str) -> Response:
        """The button was pressed."""

        def answered() -> Response:
            desk = ConsentDesk(self.work)
            party, link = desk.by_link(token, LinkKind.OPT_IN)
            confirmed = desk.confirm(party, link, token, _circumstances(request, "confirmation"))
            return pages.opt_in_page(confirmed, _asked(link), _voice(party, request), True)

        return self._page(request, answered)

    @route("GET", _CENTRE, summary="The preference centre of a customer", response=schemas.Centre(), open_to_all=True)
    def get_centre(self, token: str) -> Response:
        """All that may be chosen, as it is chosen now."""
        return _private(schemas.Centre(), _centre(*ConsentDesk(self.work).by_link(token, LinkKind.PREFERENCES)))

    @route("PATCH", _CENTRE, summary="Change preferences", body=schemas.Choices(), response=schemas.Centre(), open_to_all=True)
    def change_centre(self, token: str, body: dict[str, Any]) -> Response:
        """What is left out stays. Where double opt-in is asked for, a new grant waits to be confirmed."""
        desk = ConsentDesk(self.work)
        party, link = desk.by_link(token, LinkKind.PREFERENCES)
        how = Circumstances({"source": "preference_centre"})
        choices = [(Scope(one["purpose"], one["channel"]), one["allowed"]) for one in body.pop("choices")]
        party = desk.prefer(party, body, how) if body else party
        return _private(schemas.Centre(), _centre(desk.choose(party, choices, how), link))

    @door("GET", f"{_CENTRE}/page", open_to_all=True)
    def show_centre(self, request: Request, token: str) -> Response:
        """The preference centre as a page."""

        def answered() -> Response:
            party, _ = ConsentDesk(self.work).by_link(token, LinkKind.PREFERENCES)
            return pages.preference_page(party, _voice(party, request))

        return self._page(request, answered)

    @door("POST", f"{_CENTRE}/page", open_to_all=True)
    def save_centre(self, request: Request, token: str) -> Response:
        """The form was sent: what is not ticked is not allowed."""

        def answered() -> Response:
            desk = ConsentDesk(self.work)
            party, _ = desk.by_link(token, LinkKind.PREFERENCES)
            how = _circumstances(request, "preference_centre")
            ticked = set() if request.form.get("do") == "withdraw" else set(request.form.getlist(pages.ALLOWED))
            choices = [(scope, scope.line in ticked) for scope in asked_of_customers(party.rules.consent)]
            stated = _stated(party, request) if request.form.get("do") != "withdraw" else {}
            party = desk.choose(desk.prefer(party, stated, how) if stated else party, choices, how)
            return pages.preference_page(party, _voice(party, request), saved=True)

        return self._page(request, answered)

    def _page(self, request: Request, answered: Answer) -> Response:
        """A link that is not good is answered with a page, too."""
        try:
            return answered()
        except (NotFound, Gone) as error:
            texts = ConsentDesk(self.work).rules().consent.texts
            return pages.refusal_page(Voice(texts, accepted(request.headers.get("Accept-Language", ""))), error.status)


def _private(schema: Schema, payload: dict[str, Any]) -> Response:
    """An answer that nobody on the way may keep."""
    return answer(schema.dump(payload), headers=[("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")])


def _opt_in(party: Party, link: Link) -> dict[str, Any]:
    scope = _asked(link)
    answer = next((one.answer for one in party.permissions if one.scope == scope), None)
    return {"purpose": scope.purpose, "channel": scope.channel, "status": answer, "expires_at": link.expires_at}


def _asked(link: Link) -> Scope:
    return link.scope or scope_of("")


def _voice(party: Party, request: Request) -> Voice:
    return pages.voice_of(party, accepted(request.headers.get("Accept-Language", "")))


def _circumstances(request: Request, source: str) -> Circumstances:
    """Of whoever sends a form nothing is kept but the kind of browser: the address that we see is the gateway's."""
    return Circumstances({"source": source, "proof": as_kept({"user_agent": request.headers.get("User-Agent", "")})})


def _centre(party: Party, link: Link) -> dict[str, Any]:
    rules, chosen = party.rules.consent, party.wishes.topics
    stands = {one.scope: one for one in party.permissions}
    choices = [
        {
            "purpose": scope.purpose,
            "channel": scope.channel,
            "allowed": stands[scope].may_be_contacted,
            "waiting": stands[scope].answer == "pending",
        }
        for scope in asked_of_customers(rules)
    ]
    language = party.wishes.language or "en"
    topics = [
        {"id": one.id, "name": name_in(one.names, language, one.id), "on": chosen.get(one.id, one.on)} for one in rules.topics
    ]
    return {**preferences(party), "choices": choices, "topics": topics, "expires_at": link.expires_at}


def _stated(party: Party, request: Request) -> dict[str, Any]:
    """The preferences in a form, as far as they differ from those that are known and make sense."""
    form, rules, held = request.form, party.rules.consent, preferences(party)
    wanted = set(form.getlist(pages.TOPIC))
    topics = {one.id: one.id in wanted for one in rules.topics if party.wishes.topics.get(one.id, one.on) != (one.id in wanted)}
    stated: dict[str, Any] = {"topics": topics} if topics else {}
    pace = form.get("pace", "")
    number = form.get("per_week", "")
    per_week = {"per_week": min(100, max(1, int(number)))} if pace == Pace.AT_MOST and number.isdecimal() else {}
    frequency = {"pace": pace, **per_week} if pace in list(Pace) and (pace != Pace.AT_MOST or per_week) else None
    channel, language = form.get("channel") or None, form.get("language") or None
    sound = {
        "frequency": frequency,
        "channel": channel if channel is None or rules.channel(channel) else held["channel"],
        "language": language if language is None or language in pages.languages(rules, held["language"]) else held["language"],
    }
    return stated | {name: value for name, value in sound.items() if value != held[name]}
