"""A mention and the key it is filed under.

A network and a handle make an identity key, `social:<network>:<handle>`. The collector makes the same key of the handles that shops name
in identify calls, and profiles merges it with the customer: so a mention finds its customer whichever of the two was heard first.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

_HANDLE = re.compile(r"[\w.\-]{1,64}(@[\w.\-]{1,190})?")
_NETWORK = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RENAMED = {"twitter": "x"}


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that somebody wrote about the shop, or to it.

    `external_id` is the network's own id of it, `mention_id` that id with the network before it. `backfill` marks history: it is shown
    and counted, and nothing is started because of it.
    """

    mention_id: str
    external_id: str
    network: str
    handle: str
    identity_key: str
    text: str
    published_at: datetime
    author_name: str | None = None
    url: str | None = None
    in_reply_to: str | None = None
    backfill: bool = False


def network_of(name: str) -> str | None:
    """A network by its present name, in lower case; None for what names no network."""
    network = name.strip().lower()
    return _RENAMED.get(network, network) if _NETWORK.fullmatch(network) else None


def handle_of(text: str) -> str | None:
    """A handle without @ and case, also out of the address of a profile; None for what is no handle."""
    composed = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in composed if unicodedata.category(c) not in ("Cf", "Cc"))
    handle = visible.strip().rstrip("/").rpartition("/")[2].removeprefix("@").lower()
    return handle if _HANDLE.fullmatch(handle) else None


def key_of(network: str, handle: str) -> str:
    """The identity key of a network and a handle that are folded already."""
    return f"social:{network}:{handle}"


def folded(identity: str) -> str:
    """An identity as given by a person, with a handle in it written the way that keys are."""
    kind, _, rest = identity.partition(":")
    network, _, handle = rest.partition(":")
    known, plain = network_of(network), handle_of(handle)
    return key_of(known, plain) if kind == "social" and known and plain else identity
