"""Through which sales channel something happened: web, app, store, marketplace or social.

Said once, here, so that every service counts alike. The first of these that tells is taken:

1. what the client states: `properties.channel`, `properties.sales_channel`, `context.channel`, in any of the words below;
2. a source that is a till, a marketplace or a social network: it is that place, whatever software it runs;
3. for an order, its `affiliation`, where that is a known marketplace or network: a back office reports the orders of all of them;
4. the library that recorded it: a browser's or an app's;
5. a device that runs apps (`context.device.type` ios, android), since browsers name none;
6. a source that is a website or an app.

A server that says nothing of it leaves the channel unknown. A campaign that brought a visit (`utm_source=instagram`) is no sales channel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.collector.domain.source import SourceKind

WEB, APP, STORE, MARKETPLACE, SOCIAL = CHANNELS = ("web", "app", "store", "marketplace", "social")

# What clients write -> channel. Compared without case and what is not a letter.
WORDS: Mapping[str, str] = {
    word: channel
    for channel, words in {
        WEB: "web website online onlinestore onlineshop webshop ecommerce browser desktop",
        APP: "app mobile mobileapp ios android iosapp androidapp nativeapp",
        STORE: "store pos till retail instore offline shop branch outlet pointofsale kiosk",
        MARKETPLACE: "marketplace",
        SOCIAL: "social socialmedia socialcommerce",
    }.items()
    for word in words.split()
}

# Where else people buy -> channel. Compared with the first word of an affiliation: `Amazon.in`, `Instagram Shop`.
PLACES: Mapping[str, str] = {
    place: channel
    for channel, places in {
        MARKETPLACE: "amazon ebay etsy flipkart meesho myntra ajio nykaa snapdeal jiomart tatacliq daraz walmart rakuten zalando otto "
        "kaufland allegro cdiscount mercadolibre lazada shopee noon souq bol wish aliexpress temu",
        SOCIAL: "facebook instagram whatsapp tiktok pinterest youtube snapchat telegram wechat",
    }.items()
    for place in places.split()
}

# What a library's name holds -> channel; the first that fits.
LIBRARIES: tuple[tuple[str, str], ...] = (
    ("react-native", APP),
    ("flutter", APP),
    ("android", APP),
    ("ios", APP),
    ("swift", APP),
    ("kotlin", APP),
    ("cordova", APP),
    ("unity", APP),
    ("analytics.js", WEB),
    ("analytics-next", WEB),
    ("javascript", WEB),
)

_PLACES_OF_SALE: Mapping[SourceKind, str] = {
    SourceKind.POS: STORE,
    SourceKind.MARKETPLACE: MARKETPLACE,
    SourceKind.SOCIAL: SOCIAL,
}
_KINDS: Mapping[SourceKind, str] = {SourceKind.WEB: WEB, SourceKind.MOBILE: APP}
_APP_DEVICES = ("ios", "android")


def channel_of(message: Mapping[str, Any], kind: SourceKind, affiliation: Any = None) -> str | None:
    """The sales channel of a message from a source of that kind; None where nothing tells."""
    properties, context = _object(message, "properties"), _object(message, "context")
    stated = (properties.get("channel"), properties.get("sales_channel"), properties.get("salesChannel"), context.get("channel"))
    return next((found for found in _tellers(stated, kind, affiliation, context) if found), None)


def _tellers(stated: tuple[Any, ...], kind: SourceKind, affiliation: Any, context: Mapping[str, Any]) -> Iterator[str | None]:
    """What each of those who may tell says, in their order."""
    for word in stated:
        if isinstance(word, str):
            yield WORDS.get(_letters(word))
    yield _PLACES_OF_SALE.get(kind)
    yield _place(affiliation)
    yield _of_library(_object(context, "library").get("name"))
    device = _object(context, "device").get("type")
    yield APP if isinstance(device, str) and device.lower() in _APP_DEVICES else None
    yield _KINDS.get(kind)


def _place(affiliation: Any) -> str | None:
    if not isinstance(affiliation, str):
        return None
    first = "".join(c if c.isalnum() else " " for c in affiliation.lower()).split()[:1]
    return PLACES.get(first[0]) if first else None


def _of_library(name: Any) -> str | None:
    if not isinstance(name, str):
        return None
    lower = name.lower()
    return next((channel for part, channel in LIBRARIES if part in lower), None)


def _letters(text: str) -> str:
    return "".join(c for c in text[:64].lower() if c.isalpha())


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}
