"""What a mention is filed under, and what the company is told of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.domain.identity import NETWORKS, keys_of
from services.social.domain.mentions import Mention, folded, handle_of, key_of, network_of
from services.social.reception import announcement
from shared.identifiers import identity_key

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        *[("X", "x"), (" Twitter ", "x"), ("mastodon", "mastodon"), ("google_reviews", "google_reviews")],
        *[("", None), ("two words", None), ("a:b", None), ("9gag", None), ("x" * 33, None)],
    ],
)
def test_a_network_has_one_name(name, network):
    assert network_of(name) == network


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        *[("Jane", "jane"), ("@Jane", "jane"), (" @jane.doe\n", "jane.doe"), ("@Jane@Mastodon.Social", "jane@mastodon.social")],
        *[("https://x.com/Jane/", "jane"), ("jane-doe_7", "jane-doe_7"), ("Žaneta", "žaneta")],
        *[("", None), ("@", None), ("Jane Doe", None), ("jane:x", None), ("j" * 65, None), ("a@b@c", None)],
    ],
)
def test_a_handle_is_written_one_way(text, handle):
    assert handle_of(text) == handle


@given(
    st.sampled_from(sorted(NETWORKS)),
    st.text(max_size=12) | st.from_regex(r"@?[A-Za-z0-9_.\-]{1,12}(@[a-z]{1,5}\.[a-z]{2})?/?", fullmatch=True),
)
def test_a_mention_is_filed_under_the_key_that_an_identify_call_makes_of_the_same_handle(trait, written):
    """Where the two differ no mention would ever find its customer."""
    keys = [key for key in keys_of({"userId": "42"}, identity_key, {trait: written}) if key.startswith("social:")]
    network, handle = network_of(trait), handle_of(written)
    assert network == NETWORKS[trait]
    assert keys == ([key_of(network, handle)] if handle else [])


@pytest.mark.parametrize(
    ("identity", "as_key"),
    [
        ("social:Twitter:@Jane", "social:x:jane"),
        ("social:x:jane", "social:x:jane"),
        ("social:x:Jane Doe", "social:x:Jane Doe"),
        ("user:@Jane", "user:@Jane"),
        ("jane@example.com", "jane@example.com"),
        ("cus_123", "cus_123"),
    ],
)
def test_only_handles_in_an_identity_are_folded(identity, as_key):
    assert folded(identity) == as_key


@pytest.mark.parametrize("customer_id", [None, "cus_1"])
@pytest.mark.parametrize("backfill", [False, True])
def test_a_mention_is_announced_under_its_handle_at_the_time_it_was_written(customer_id, backfill):
    mention = Mention("x:1", "1", "x", "jane", "social:x:jane", "Hello", NOW, backfill=backfill)
    told = announcement(mention, customer_id)
    told.kind.check(told.data)
    assert (told.kind.name, told.key, told.subject, told.time) == ("mention_received", "x:1", "social:x:jane", NOW)
    assert (told.data["customer_id"], told.backfill) == (customer_id, backfill)
