"""The doors: a request is let in by its write key, taken apart, sorted, and stored before it is answered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.collector import answers, wire
from services.collector.answers import Answer
from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.source import Source, check_key, hash_of
from services.collector.memo import Memo
from services.collector.sorting import Refusal, Sorted, Sorter, content_id, random_id
from services.collector.storage import Storage
from shared import logs, metrics
from shared.errors import StoreAway

Headers = Mapping[str, str]  # by name in lower case
AMQP_PATH = "shop.intake"
_SOURCE_SECONDS = 3.0  # how long a change of a source may take to be noticed
_BACKLOG_SECONDS = 2.0
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Knock:
    """A request at a door: where, as which call (None: the body tells), its headers and bytes, and when it came."""

    path: str
    call: str | None
    headers: Headers
    body: bytes
    at: datetime

    @property
    def traceparent(self) -> str | None:
        given = self.headers.get("traceparent", "")
        return given if _TRACEPARENT.fullmatch(given) else None

    def key_in_headers(self) -> str | None:
        return self.headers.get("write-key") or wire.basic_key(self.headers.get("authorization", ""))


@dataclass(frozen=True, slots=True)
class Lot:
    """What a request came to. `turned_away` says why it was not even sorted; then the whole body is its one refusal."""

    path: str
    source_id: str | None
    outcome: Sorted
    turned_away: Refused | None = None


class Doors:
    """Every way in. Keeps no state but short memories, so any number of replicas may serve."""

    def __init__(self, storage: Storage, backlog_limit: int = 200_000, phone_region: str = "") -> None:
        self._storage = storage
        self._http, self._amqp = Sorter(random_id, phone_region), Sorter(content_id, phone_region)
        self._source_of = Memo[str, Source | None](storage.sources.by_key, _SOURCE_SECONDS)
        self._backlog = Memo[int, int](storage.archive.backlog, _BACKLOG_SECONDS)
        self._backlog_limit = backlog_limit

    def ingest(self, call: str, headers: Headers, body: bytes, now: datetime) -> Answer:
        """Take a request to `/v1/<call>`: stored before it is answered, refused with a reason, or asked to come again."""
        try:
            lot, duplicates = self._receive(call, headers, body, now)
        except Refused as refusal:
            return answers.refused(refusal)
        if lot.turned_away:
            return answers.refused(lot.turned_away)
        if not wire.is_batch(call) and lot.outcome.refusals:
            return answers.refused(lot.outcome.refusals[0])
        return answers.accepted(lot.outcome, duplicates)

    def pixel(self, call: str, headers: Headers, data: str, now: datetime) -> Answer:
        """Take the event in an image's address. Who reads a mail is shown a picture, whatever we think of the event."""
        try:
            lot, _ = self._receive(call, headers, wire.from_base64(data), now)
        except Refused as refusal:
            return answers.refused(refusal)
        if lot.turned_away and lot.turned_away.code in (Reason.INVALID_JSON, Reason.INVALID_MESSAGE):
            return answers.refused(lot.turned_away)
        return answers.pixel()

    def settings(self, write_key: str, host: str, protocol: str, now: datetime) -> Answer:
        """What a browser client asks for at start. Whether the key is good is all that it tells about the source."""
        try:
            self.admit(write_key, now)
        except Refused as refusal:
            return answers.refused(refusal)
        except StoreAway:
            return answers.refused(answers.busy())
        return answers.settings(write_key, host, protocol)

    def intake(self, messages: Sequence[tuple[Mapping[str, Any], bytes]], now: datetime) -> None:
        """Take messages that came over AMQP, all in one write. Nothing is lost: what is refused is in quarantine. Raises StoreAway.

        The header `call` may say `import`; otherwise the body tells a batch from a single message. The broker may deliver a message
        twice, so one without `messageId` is known by its content.
        """
        lots = []
        for given, body in messages:
            headers = {str(name).lower(): value for name, value in given.items() if isinstance(value, str)}
            lots.append(self._open(Knock(AMQP_PATH, wire.CALLS.get(headers.get("call", "")), headers, body, now), self._amqp))
        self._store("amqp", lots, now)

    def _receive(self, call: str, headers: Headers, body: bytes, now: datetime) -> tuple[Lot, int]:
        """Open and store one HTTP request. Raises Refused for a call that does not exist, and for busy."""
        name = wire.call_of(call)
        try:
            if not self.has_room():
                raise answers.busy()
            lot = self._open(Knock(f"/v1/{name}", name, headers, body, now), self._http)
            strangers = lot.source_id is None  # leave nothing behind: anybody can reach this door
            return lot, 0 if strangers else self._store("http", [lot], now)
        except StoreAway as error:
            _log.warning("answering 429", error=logs.place(error))
            raise answers.busy() from error

    def _open(self, knock: Knock, sorter: Sorter) -> Lot:
        key, body = knock.key_in_headers(), knock.body
        try:
            body = wire.inflate(body, knock.headers.get("content-encoding", ""))
            parcel = wire.unpack(knock.call or wire.call_in(body), body)
            key = key or parcel.write_key
            source = self.admit(key, knock.at)
        except Refused as refusal:
            whole = Refusal(0, None, refusal.code, refusal.message, body[: wire.REQUEST_BYTES])
            return Lot(knock.path, self._source_id(key), Sorted(refusals=[whole]), refusal)
        return Lot(knock.path, source.id, sorter.sort(parcel, source, knock.at, knock.traceparent))

    def has_room(self) -> bool:
        """Whether so few events wait to be published that more may be accepted. Raises StoreAway."""
        return self._backlog(self._backlog_limit) < self._backlog_limit

    def admit(self, key: str | None, now: datetime) -> Source:
        """The source of a write key. Raises Refused, StoreAway."""
        if not key:
            raise Refused(
                Reason.MISSING_WRITE_KEY, "send the write key as the user of Basic authorization or as writeKey in the body"
            )
        key_hash = hash_of(key)
        source = self._source_of(key_hash)
        if source is None:
            raise Refused(Reason.UNKNOWN_WRITE_KEY, "no source has this write key")
        check_key(source, key_hash, now)
        return source

    def _source_id(self, key: str | None) -> str | None:
        source = self._source_of(hash_of(key)) if key else None
        return source.id if source else None

    def _store(self, door: str, lots: Sequence[Lot], now: datetime) -> int:
        """Keep what was accepted, then what was refused; return how many of the accepted were there before."""
        entries = [entry for lot in lots for entry in lot.outcome.entries]
        refused = [(lot.source_id, lot.path, refusal) for lot in lots for refusal in lot.outcome.refusals]
        repeated = self._storage.archive.accept(entries, now)
        self._storage.quarantine.keep(refused, now)
        metrics.ACCEPTED.labels(door).inc(len(entries) - repeated)
        metrics.REPEATED.labels(door).inc(repeated)
        for _, _, refusal in refused:
            metrics.REFUSED.labels(door, refusal.code.value).inc()
        return repeated
