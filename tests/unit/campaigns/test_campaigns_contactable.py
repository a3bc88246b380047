"""Whom campaigns may contact: members of audiences by permission, at once and whatever is heard first."""

from datetime import timedelta

from services.campaigns.domain.audiences import Audience, Audiences, Rule, RuleKind
from services.campaigns.service import Campaigns
from services.campaigns.storage import CUSTOMERS
from shared import events
from shared.identity import id_of
from tests.order_free import NOW, History, assert_order_free
from tests.unit.campaigns.shop import ago, bought, grouped
from tests.unit.permitted import permitted

JANE, JOE, MAIL = "user:jane", "user:joe", "email:jane@example.com"
LATER = NOW + timedelta(minutes=1)
MAILING = Audiences((Audience("mailing", "Mailing", Rule(kind=RuleKind.BOUGHT_RECENTLY, days=30, contactable="email")),))


def told(*heard: events.EventKind, rules: Audiences | None = None) -> History:
    return History(Campaigns, [CUSTOMERS], rules).apply(*heard)


def members(history: History) -> dict[str, tuple[object, list[str]]]:
    """By identity key since when and how a member may be contacted."""
    rows = [row for key, row in history.rows.items() if key.startswith("members/")]
    return {row["identity_key"]: (row["since"], row["contactable"]) for row in rows}


def moves(history: History) -> list[tuple[str, list[str]]]:
    return [(one.kind.name, one.data["contactable"]) for one in history.announced.values()]


def test_an_audience_of_those_who_may_be_contacted_follows_their_word() -> None:
    history = told(bought(JANE, "1", ago(3)), rules=MAILING)
    assert members(history) == {}
    history.apply(permitted(JANE, ago(2)))
    assert members(history) == {JANE: (ago(2), ["email"])}
    history.now = LATER
    history.apply(permitted(JANE, NOW, allowed=False))
    assert members(history) == {}
    assert moves(history) == [("audience_entered", ["email"]), ("audience_left", [])]
    assert history.timers == {}


def test_a_member_since_an_order_after_the_permission_is_one_since_the_order() -> None:
    history = told(permitted(JANE, ago(9)), bought(JANE, "1", ago(3)), rules=MAILING)
    assert members(history) == {JANE: (ago(3), ["email"])}


def test_what_is_not_known_is_not_allowed_and_neither_is_another_purpose_or_channel() -> None:
    others = [permitted(JANE, ago(1), scope=scope) for scope in ("marketing/sms", "profiling/all", "transactional/email")]
    assert members(told(bought(JANE, "1", ago(3)), *others, rules=MAILING)) == {}


def test_other_audiences_show_whom_one_may_contact_and_move_nobody() -> None:
    history = told(bought(JANE, "1", ago(3)), permitted(JANE, ago(2)), permitted(JANE, ago(1), scope="marketing/sms"))
    before = len(history.announced)
    assert members(history)[JANE][1] == ["email", "sms"]
    history.apply(permitted(JANE, NOW, allowed=False))
    assert members(history)[JANE][1] == ["sms"]
    assert len(history.announced) == before


def test_imported_permission_makes_members_without_an_announcement() -> None:
    history = told(bought(JANE, "1", ago(3)), rules=MAILING).apply(permitted(JANE, ago(2), backfill=True))
    assert list(members(history)) == [JANE]
    assert history.announced == {}


def test_of_several_keys_the_latest_word_counts_and_a_split_gives_each_its_own_back() -> None:
    apart = [
        bought(JANE, "1", ago(5)),
        bought(MAIL, "2", ago(5)),
        permitted(JANE, ago(4)),
        permitted(MAIL, ago(3), allowed=False),
    ]
    merged = grouped(events.PROFILE_MERGED, [JANE, MAIL], 1)
    split = [grouped(events.PROFILE_SPLIT, [JANE], 2), grouped(events.PROFILE_SPLIT, [MAIL], 2)]
    assert members(told(*apart, rules=MAILING)) == {JANE: (ago(4), ["email"])}
    assert members(told(*apart, merged, rules=MAILING)) == {}
    assert members(told(*apart, merged, *split, rules=MAILING)) == {JANE: (ago(4), ["email"])}
    assert_order_free(Campaigns, [CUSTOMERS], [*apart, merged, *split], rounds=15, rules=MAILING)


def test_of_two_words_of_one_moment_the_one_that_forbids_counts() -> None:
    yes, no = permitted(JANE, ago(2)), permitted(JANE, ago(2), allowed=False)
    for order in ([yes, no], [no, yes]):
        assert members(told(bought(JANE, "1", ago(3)), *order, rules=MAILING)) == {}


def test_a_customer_of_whom_nothing_but_a_permission_is_known_is_in_no_audience() -> None:
    history = told(permitted(JOE, ago(1)))
    assert members(history) == {}
    assert history.customer_id(JOE) == id_of(JOE)
