"""A source, a moment and messages that tests of the collector start from."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from services.collector.catalogue import shapes
from services.collector.domain import Accepted, Reception, Refused, Source, SourceKind, Translator
from shared.identifiers import identity_key

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SOURCE = Source("web-1", "Web shop", SourceKind.WEB, True, NOW, "hash")
_translator = Translator(shapes(), partial(identity_key, region="DE"))


def reception(**changes: Any) -> Reception:
    return Reception(**{"event_id": "event-1", "received_at": NOW, **changes})


def translate(message: Any, **changes: Any) -> Accepted | Refused:
    return _translator.translate(message, SOURCE, reception(**changes))


def accepted(message: Any, **changes: Any) -> Accepted:
    return accepted_from(SOURCE, message, **changes)


def accepted_from(source: Source, message: Any, **changes: Any) -> Accepted:
    outcome = _translator.translate(message, source, reception(**changes))
    assert isinstance(outcome, Accepted), outcome
    return outcome


def refused(message: Any, **changes: Any) -> Refused:
    outcome = translate(message, **changes)
    assert isinstance(outcome, Refused), outcome
    return outcome


def track(event: Any, properties: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "42", "event": event, "properties": properties, **more}


def order(**properties: Any) -> dict[str, Any]:
    return track("Order Completed", {"order_id": "o-1", "total": 27.5, "currency": "EUR", **properties})
