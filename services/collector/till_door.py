"""The door of tills: purchases and returns as JSON or as a table, answered when they are stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from services.collector import answers, wire
from services.collector.answers import Answer
from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.source import Source
from services.collector.domain.till import Receipt, TillSettings
from services.collector.doors import Doors, Headers
from services.collector.till import Till, open_table, receipts_in, writes_commas
from services.collector.till_schemas import Settings
from shared import logs
from shared.errors import StoreAway

PATH = "/v1/till/purchases"
MOST_RECEIPTS = wire.BATCH_EVENTS
_TABLES = ("text/csv", "application/csv", "text/tab-separated-values", "text/plain", "application/vnd.ms-excel")
_log = logs.get(__name__)


class TillDoor:
    """Takes what a till sends with the write key of its source."""

    def __init__(self, doors: Doors, till: Till) -> None:
        self._doors, self._till = doors, till

    def purchases(self, headers: Headers, asked: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        """Take a request: what is right of it is stored, each other receipt is refused by itself and kept in quarantine."""
        try:
            source = self._doors.admit(wire.basic_key(headers.get("authorization", "")) or headers.get("write-key"), now)
            if not self._doors.has_room():
                raise answers.busy()
            body = wire.inflate(body, headers.get("content-encoding", ""))
            return self._taken(source, self._read(headers, _settings(asked), body), now)
        except Refused as refusal:
            return answers.refused(refusal)
        except StoreAway as error:
            _log.warning("answering 429", error=logs.place(error))
            return answers.refused(answers.busy())

    def _read(self, headers: Headers, settings: TillSettings, body: bytes) -> "_Read":
        if headers.get("content-type", "").partition(";")[0].strip().lower() not in _TABLES:
            return _Read(settings, writes_commas(settings), receipts_in(body), {})
        table = open_table([body], settings)
        read_as = {
            "encoding": table.form.encoding,
            "delimiter": table.form.delimiter,
            "decimals": "comma" if table.comma else "point",
        }
        return _Read(settings, table.comma, list(table.receipts), {"read_as": read_as, "ignored_columns": table.ignored})

    def _taken(self, source: Source, read: "_Read", now: datetime) -> Answer:
        if len(read.receipts) > MOST_RECEIPTS:
            text = f"send at most {MOST_RECEIPTS} receipts at once, or the whole file as an import (/api/collector/till/imports)"
            raise Refused(Reason.TOO_MANY_EVENTS, text)
        taken = self._till.take(read.receipts, source, (read.settings, read.comma), now, PATH)
        wrong = [asdict(one) for one in taken.wrong]
        return answers.taken({"accepted": taken.accepted, "duplicates": taken.repeated}, wrong, read.said)


@dataclass(frozen=True, slots=True)
class _Read:
    """A request as receipts, and what to say of how it was read."""

    settings: TillSettings
    comma: bool
    receipts: list[Receipt]
    said: dict[str, Any]


def _settings(asked: Mapping[str, str]) -> TillSettings:
    try:
        found: TillSettings = Settings().load(asked)
    except ValidationError as error:
        messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        field, texts = next(iter(messages.items()))
        text = texts[0] if isinstance(texts, list) else "it cannot be used"
        raise Refused(Reason.INVALID_FIELD, f"{field}: {text}") from None
    return found
