"""What has to be so, given how a customer stands to each audience: rows of members, sizes, the timer for what time will change, and
announcements of who entered and who left.

A membership comes and goes with corrections, so an announcement is about a change: it is made in the transaction that adds or takes
away the row, at that moment, and neither imported history nor a new rule makes one say that a customer entered.
"""

from collections.abc import Mapping
from datetime import datetime

from services.campaigns.confirming import confirmations
from services.campaigns.domain.audiences import Audience, Audiences
from services.campaigns.domain.membership import Standing, next_change
from services.campaigns.look import Look
from services.campaigns.storage import AUDIENCE_SIZES, MEMBERS
from shared import events
from shared.events import EventKind
from shared.handlers import Announcement, Consequences, Figure, Row, Timer
from shared.model import Before
from shared.timers import look_again


def consequences(look: Look, all_: Audiences, found: Mapping[str, Standing], before: Before) -> Consequences:
    """All that follows for one customer. One of whom no identity key is known yet has no facts either."""
    if not look.customer.identity_keys:
        return Consequences()
    member_of = {audience_id: one.since for audience_id, one in found.items() if one.since}
    confirming = confirmations(look) if look.customer.opt_ins else Consequences()
    return Consequences(
        timers=(*_timers(look, found), *confirming.timers),
        rows=(*(_member(look, audience_id, since) for audience_id, since in member_of.items()), *confirming.rows),
        figures=tuple(Figure(AUDIENCE_SIZES, one, {"members": 1}) for one in member_of),
        announcements=(*(() if before.backfill else _moves(look, all_, found, before)), *confirming.announcements),
    )


def _timers(look: Look, found: Mapping[str, Standing]) -> tuple[Timer, ...]:
    """One timer, at the earliest moment at which time alone changes a membership."""
    due = next_change(found.values())
    return (look_again(look.customer_id, look.customer_id, look.customer.identity_keys, due),) if due else ()


def _row_id(audience_id: str, customer_id: str) -> str:
    return f"{audience_id}:{customer_id}"


def _member(look: Look, audience_id: str, since: datetime) -> Row:
    document = {"audience_id": audience_id, "customer_id": look.customer_id, "identity_key": look.subject, "since": since}
    document["contactable"] = look.contactable
    return Row(MEMBERS, _row_id(audience_id, look.customer_id), document)


def _moves(look: Look, all_: Audiences, found: Mapping[str, Standing], before: Before) -> tuple[Announcement, ...]:
    """Who was a member, under any of the customers that the identity keys belonged to, and is none leaves; who was none enters."""
    rows = {row.partition("/")[2] for row in before.rows if row.startswith(f"{MEMBERS}/")}
    left_from = {row.rpartition(":")[0] for row in rows}
    moves = []
    for audience in all_.audiences:
        now = found[audience.id]
        if now.since is None and audience.id in left_from:
            moves.append(_announcement(events.AUDIENCE_LEFT, look, audience))
        elif now.since and _row_id(audience.id, look.customer_id) not in rows and _entered_by_itself(audience, now):
            moves.append(_announcement(events.AUDIENCE_ENTERED, look, audience))
    return tuple(moves)


def _entered_by_itself(audience: Audience, now: Standing) -> bool:
    """Not by imported history, and not by a rule that was made after the customer met it."""
    by_rule = audience.rule_since is not None and now.since is not None and now.since < audience.rule_since
    return not now.imported and not by_rule


def _announcement(kind: EventKind, look: Look, audience: Audience) -> Announcement:
    """The key names this very change, since its moment is that of the one transaction which makes it. The time of the announcement is
    that moment too: what a late fact corrected is stated after what it corrects, so that the latest statement is always the truth.
    """
    data = {
        "customer_id": look.customer_id,
        "audience_id": audience.id,
        "audience_name": audience.name,
        "identity_keys": list(look.customer.identity_keys),
        "contactable": look.contactable,
    }
    key = f"{audience.id}/{look.customer_id}/{look.now.isoformat()}"
    return Announcement(kind, key, look.subject, look.now, data)
