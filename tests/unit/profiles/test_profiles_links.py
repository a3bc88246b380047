"""Links for customers, what is kept of proofs, and in which language a page speaks."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain.consent.links import Link, LinkKind, seal, unseal
from services.profiles.domain.consent.proof import as_kept, browser_of, network_of
from services.profiles.domain.consent.rules import MOST_PERIODS, Channel, name_in, switched
from services.profiles.domain.consent.words import Scope
from services.profiles.texts import TEXTS, Voice, accepted
from shared.identity import id_of
from tests.unit.profiles.given import hour

SECRET = "a secret of the tests"
MEMBER = id_of("email:ann@example.com")
LINK = Link(LinkKind.OPT_IN, MEMBER, hour(7), Scope("marketing", "a/b\x1f|channel"), hour(1) + timedelta(milliseconds=7))


def test_a_token_is_the_same_for_the_same_link_and_opens_it_again() -> None:
    assert seal(LINK, SECRET) == seal(LINK, SECRET)
    assert unseal(seal(LINK, SECRET), LinkKind.OPT_IN, SECRET) == LINK
    centre = Link(LinkKind.PREFERENCES, MEMBER, hour(7))
    assert unseal(seal(centre, SECRET), LinkKind.PREFERENCES, SECRET) == centre


def test_a_token_opens_nothing_of_another_kind_or_secret() -> None:
    assert unseal(seal(LINK, SECRET), LinkKind.PREFERENCES, SECRET) is None
    assert unseal(seal(LINK, SECRET), LinkKind.OPT_IN, "another") is None
    assert unseal(seal(LINK, ""), LinkKind.OPT_IN, "") is None


@given(st.integers(0, 400), st.sampled_from("AbZ09-_"))
def test_a_token_that_was_touched_opens_nothing(place: int, letter: str) -> None:
    token = seal(LINK, SECRET)
    place %= len(token) - 1  # of the last letter some bits mean nothing
    if token[place] != letter:
        assert unseal(token[:place] + letter + token[place + 1 :], LinkKind.OPT_IN, SECRET) is None


@given(st.text(max_size=200))
def test_what_is_no_token_opens_nothing(text: str) -> None:
    assert unseal(text, LinkKind.OPT_IN, SECRET) is None


def test_a_token_can_not_be_read() -> None:
    token = seal(LINK, SECRET)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for secret in (MEMBER, MEMBER.removeprefix("cus_"), "marketing", "opt_in"):
        assert secret.encode() not in raw


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        (" 2001:db8:1:2:3::4 ", "2001:db8:1::/48"),
        ("localhost", None),
        ("203.0.113.77, 10.0.0.1", None),
    ],
)
def test_of_an_address_its_network_is_kept(address: str, network: str | None) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "firefox on desktop"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "chrome on mobile"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1", "safari on mobile"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "edge on desktop"),
        ("curl/8", "other on desktop"),
    ],
)
def test_of_a_browser_its_kind_is_kept(agent: str, kind: str) -> None:
    assert browser_of(agent) == kind


def test_a_proof_keeps_nothing_that_it_was_not_asked_to() -> None:
    assert as_kept({"form_id": "f", "ip": "nonsense", "user_agent": "", "shoe_size": 44}) == {"form_id": "f"}


def test_switching_double_opt_in_keeps_when_it_was_on() -> None:
    channel = Channel("email")
    on = Channel("email", double_opt_in=switched(channel, True, hour(1)))
    assert on.confirms
    assert switched(on, True, hour(2)) == on.double_opt_in
    off = Channel("email", double_opt_in=switched(on, False, hour(3)))
    assert (off.confirms, len(off.double_opt_in)) == (False, 1)
    again = Channel("email", double_opt_in=switched(off, True, hour(5)))
    assert [(period.since, period.until) for period in again.double_opt_in] == [(hour(1), hour(3)), (hour(5), None)]
    assert switched(None, False, hour(1)) == ()
    for number in range(200):
        again = Channel("email", double_opt_in=switched(again, not again.confirms, hour(6 + number)))
    assert len(again.double_opt_in) == MOST_PERIODS


def test_a_name_is_in_the_nearest_language() -> None:
    names = {"en": "Sales", "pa-Arab": "سیل", "ur": "سیل (اردو)"}
    assert [name_in(names, tag, "x") for tag in ("pa-Arab", "ur-PK", "te")] == ["سیل", "سیل (اردو)", "Sales"]
    assert name_in({}, "te", "new_arrivals") == "New arrivals"


def test_a_page_speaks_the_first_wanted_language_that_the_shop_has_and_falls_back_to_english() -> None:
    texts = {"ur": {"save": "محفوظ کریں"}, "pa-Arab": {"save": "سانبھو"}, "en": {"save": "Keep it"}}
    assert (Voice(texts, ["te", "ur-PK"]).language, Voice(texts, ["ur"]).direction) == ("ur", "rtl")
    assert (Voice(texts, ["PA-ARAB"]).language, Voice(texts, ["PA-ARAB"])["save"]) == ("pa-Arab", "سانبھو")
    assert (Voice(texts, ["te"]).language, Voice(texts, ["te"])["save"]) == ("en", "Keep it")
    assert Voice(texts, ["ur"])["confirm"] == TEXTS["confirm"]


@pytest.mark.parametrize(
    ("header", "tags"),
    [("de, en;q=0.5, ur;q=0.9", ["de", "ur", "en"]), ("", []), ("fr;q=x, gu;q=0, te", ["te"]), ("*", ["*"])],
)
def test_the_best_liked_language_comes_first(header: str, tags: list[str]) -> None:
    assert accepted(header) == tags
