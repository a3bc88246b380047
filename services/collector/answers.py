"""What the doors answer, as plain values: JSON that every published client understands, a pixel, the settings of a browser client.

Facts behind it: the Python client takes 200 alone for success, and drops an event on a 4xx only if the body holds both `code` and
`message`; all clients wait `Retry-After` out on 429.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from services.collector.domain.refusal import Reason, Refused
from services.collector.sorting import Refusal, Sorted

RETRY_SECONDS = 5
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_STATUS: Mapping[Reason, int] = {
    Reason.UNKNOWN_CALL: 404,
    Reason.REQUEST_TOO_LARGE: 413,
    Reason.MISSING_WRITE_KEY: 401,
    Reason.UNKNOWN_WRITE_KEY: 401,
    Reason.EXPIRED_WRITE_KEY: 401,
    Reason.SOURCE_DISABLED: 401,
    Reason.BUSY: 429,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json; charset=utf-8"})


def accepted(outcome: Sorted, duplicates: int) -> Answer:
    """What became of a batch; the refused ones are named by their place in it."""
    rejected = [
        {"index": refusal.index, "messageId": refusal.message_id, "code": refusal.code.value, "message": refusal.message}
        for refusal in outcome.refusals
    ]
    taken = len(outcome.entries)
    return _json(200, {"success": True, "accepted": taken - duplicates, "duplicates": duplicates, "rejected": rejected})


def taken(counts: Mapping[str, int], wrong: Sequence[Mapping[str, Any]], read: Mapping[str, Any]) -> Answer:
    """What became of receipts; the refused ones are named by the line that they begin on. `read` says how a table was understood."""
    return _json(200, {"success": True, **counts, "rejected": wrong, **read})


def refused(why: Refused | Refusal) -> Answer:
    """An error; 429 says when to come back."""
    answer = _json(_STATUS.get(why.code, 400), {"success": False, "code": why.code.value, "message": why.message})
    return _with(answer, {"Retry-After": str(RETRY_SECONDS)}) if why.code is Reason.BUSY else answer


def busy() -> Refused:
    """Why nothing is taken just now; the client keeps its events and sends them again."""
    return Refused(Reason.BUSY, f"events cannot be stored right now: send them again in {RETRY_SECONDS} seconds")


def pixel() -> Answer:
    """A transparent image of one pixel, never from a cache, so that every look counts."""
    return Answer(200, _GIF, {"Content-Type": "image/gif", "Cache-Control": "no-store, max-age=0"})


def discarded() -> Answer:
    """The answer to a browser's counters of its own health."""
    return _json(200, {"success": True})


def settings(write_key: str, host: str, protocol: str) -> Answer:
    """What analytics.js asks for at start: this host as the only destination, no sampling of its own metrics to elsewhere."""
    api_host = f"{host}/v1"
    destination = {
        "apiKey": write_key,
        "apiHost": api_host,
        "protocol": protocol,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }
    everything: dict[str, Any] = {"__default": {"enabled": True, "integrations": {}}}
    answer = _json(
        200,
        {
            "integrations": {"Segment.io": destination},
            "plan": {"track": everything, "identify": everything, "group": everything},
            "metrics": {"sampleRate": 0, "host": api_host},
            "edgeFunction": {},
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "remotePlugins": [],
            "legacyVideoPluginsEnabled": False,
            "analyticsNextEnabled": True,
        },
    )
    return _with(answer, {"Cache-Control": "public, max-age=60"})


def _with(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **headers})


def _json(status: int, payload: Mapping[str, Any]) -> Answer:
    return Answer(status, msgspec.json.encode(payload))
