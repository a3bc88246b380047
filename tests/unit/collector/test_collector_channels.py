"""Which sales channel a message is told to come from."""

from dataclasses import replace
from typing import Any

import pytest

from services.collector.domain import SourceKind
from shared.events import by_name
from tests.unit.collector.given import SOURCE, accepted_from, order, track

ORDER = order()


def channel(message: dict[str, Any], kind: SourceKind = SourceKind.SERVER) -> str | None:
    outcome = accepted_from(replace(SOURCE, kind=kind), message)
    by_name(outcome.name).check(outcome.data)
    return outcome.data.get("channel")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SourceKind.WEB, "web"),
        (SourceKind.MOBILE, "app"),
        (SourceKind.POS, "store"),
        (SourceKind.MARKETPLACE, "marketplace"),
        (SourceKind.SOCIAL, "social"),
        (SourceKind.SERVER, None),
    ],
)
def test_a_source_tells_its_channel_and_a_server_tells_none(kind: SourceKind, expected: str | None) -> None:
    assert channel(ORDER, kind) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("In-Store", "store"), ("POS", "store"), ("iOS app", "app"), ("Online Store", "web"), ("social_media", "social")],
)
@pytest.mark.parametrize("name", ["channel", "sales_channel", "salesChannel"])
def test_what_the_client_states_goes_before_everything_else(name: str, stated: str, expected: str) -> None:
    assert channel(order(**{name: stated}), SourceKind.MARKETPLACE) == expected


@pytest.mark.parametrize("stated", ["e-mail", "", 5, ["web"], "x" * 500])
def test_words_that_name_no_channel_are_passed_over(stated: Any) -> None:
    assert channel(order(channel=stated), SourceKind.POS) == "store"


@pytest.mark.parametrize(
    ("affiliation", "expected"),
    [("Amazon.in", "marketplace"), ("Instagram Shop", "social"), ("Apple Store", None), ("amazonia", None), ("", None)],
)
def test_an_order_that_a_back_office_reports_is_of_the_marketplace_or_network_that_it_names(
    affiliation: str, expected: str | None
) -> None:
    assert channel(order(affiliation=affiliation)) == expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"library": {"name": "analytics.js"}}, "web"),
        ({"library": {"name": "RudderLabs JavaScript SDK"}}, "web"),
        ({"library": {"name": "analytics-ios"}}, "app"),
        ({"library": {"name": "analytics-react-native"}}, "app"),
        ({"library": {"name": "com.rudderstack.android.sdk.core"}}, "app"),
        ({"library": {"name": "analytics-python"}}, None),
        ({"device": {"type": "Android"}}, "app"),
        ({"device": {"type": "desktop"}}, None),
        ({"library": "analytics.js", "device": 3}, None),
        ({"channel": "kiosk"}, "store"),
        ({"campaign": {"source": "instagram", "medium": "social"}}, None),
    ],
)
def test_library_and_device_tell_the_channel_and_a_campaign_does_not(context: dict[str, Any], expected: str | None) -> None:
    assert channel(track("Product Viewed", {"product_id": "p"}, context=context)) == expected


def test_an_app_that_reports_to_a_website_is_an_app() -> None:
    assert (
        channel(track("Product Viewed", {"product_id": "p"}, context={"library": {"name": "analytics-kotlin"}}), SourceKind.WEB)
        == "app"
    )


def test_goods_are_sold_in_no_channel() -> None:
    assert channel(track("Product Changed", {"product_id": "p", "channel": "web"}), SourceKind.WEB) is None
