"""HTTP of the collector: the Segment doors under /v1/, and what operators read under /api/collector/."""

from datetime import UTC, datetime
from typing import Any

from nameko.extensions import DependencyProvider
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from services.collector import answers, schemas, wire
from services.collector.answers import Answer
from services.collector.domain.refusal import Reason, Refused
from services.collector.doors import Doors
from services.collector.import_routes import ImportRoutes
from services.collector.key_routes import KeyRoutes
from services.collector.sorting import event_id
from services.collector.storage import Storage
from services.collector.till import Till
from services.collector.till_door import TillDoor
from shared.access.audit_route import serves_audit
from shared.envelope import from_document
from shared.errors import BadRequest, NotFound
from shared.http import door, from_cursor, page, route
from shared.openapi import serves_openapi

_CORS_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-retry-count",
    "Access-Control-Max-Age": "86400",
}


class OpenDoors(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """The doors of this process: one for all requests, so that what they remember is remembered."""

    def setup(self) -> None:
        config = self.container.config
        settings = config["SAMBANDH"]
        self._doors = Doors(Storage(config["DATABASE"]), settings.backlog_limit, settings.phone_region)

    def get_dependency(self, worker_ctx: Any) -> Doors:
        return self._doors


class OpenTill(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """The door of tills of this process."""

    def setup(self) -> None:
        settings = self.container.config["SAMBANDH"]
        storage = Storage(self.container.config["DATABASE"])
        doors = Doors(storage, settings.backlog_limit, settings.phone_region)
        self._till = TillDoor(doors, Till(storage, settings.phone_region))

    def get_dependency(self, worker_ctx: Any) -> TillDoor:
        return self._till


class CollectorApi(ImportRoutes, KeyRoutes):
    """Events come in through /v1/ as the Segment protocol has it, by write key; all else is for those who may read the collector."""

    name = "collector_api"
    doors = OpenDoors()
    till = OpenTill()
    openapi = serves_openapi("collector")
    audit = serves_audit("collector")

    @door("POST", "/v1/<call>", open_to_all=True)
    def ingest(self, request: Request, call: str) -> Response:
        """Every call of the tracking protocol, long and short; `m` are a browser's counters of its own health."""
        if call == "m":
            return _response(request, answers.discarded())
        try:
            body = _body(request)
        except Refused as refusal:
            return _response(request, answers.refused(refusal))
        return _response(request, self.doors.ingest(call, _headers(request), body, datetime.now(UTC)))

    @door("POST", "/v1/till/purchases", open_to_all=True)
    def take_purchases(self, request: Request) -> Response:
        """Purchases and returns of a till, as JSON or as a table; the query says how the table is meant."""
        try:
            body = _body(request)
        except Refused as refusal:
            return _response(request, answers.refused(refusal))
        return _response(request, self.till.purchases(_headers(request), request.args.to_dict(), body, datetime.now(UTC)))

    @door("GET", "/v1/pixel/<call>", open_to_all=True)
    def pixel(self, request: Request, call: str) -> Response:
        """An event in the address of an image, for mail and advertisements."""
        return _response(request, self.doors.pixel(call, _headers(request), request.args.get("data", ""), datetime.now(UTC)))

    @door("GET", "/v1/projects/<write_key>/settings", open_to_all=True)
    def settings(self, request: Request, write_key: str) -> Response:
        """What analytics.js asks for before it sends anything."""
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        return _response(request, self.doors.settings(write_key, request.host, scheme, datetime.now(UTC)))

    @door("OPTIONS", "/v1/<path:path>", open_to_all=True)
    def preflight(self, request: Request, path: str) -> Response:
        """Browsers ask before they send a request with an Authorization header."""
        return _response(request, Answer(204, b"", _CORS_HEADERS))

    @route(
        "GET",
        "/api/collector/quarantine",
        summary="Refused messages, newest first",
        query=schemas.QuarantineQuery(),
        response=schemas.QuarantinePage(),
    )
    def list_quarantine(self, query: dict[str, Any]) -> dict[str, Any]:
        """Without their content, which may be personal: ask for one by its id to see it."""
        wanted = {
            "source_id": query.get("source"),
            "keys": query.get("key"),
            **{name: query.get(name) for name in ("code", "since")},
        }
        rows = Storage(self.store).quarantine.newest(wanted, _position(query["cursor"]), query["limit"] + 1)
        return page(rows, query["limit"], lambda row: (row["received_at"].isoformat(), row["_id"]))

    @route("GET", "/api/collector/quarantine/<id>", summary="A refused message", response=schemas.QuarantinedMessage())
    def get_quarantined(self, id: str) -> dict[str, Any]:
        """A refused message with its content as received."""
        row = Storage(self.store).quarantine.find(id)
        if row is None:
            raise NotFound("No refused message has this id; it may have been kept for its time already.")
        return {**row, "raw": row["raw"].decode("utf-8", "replace")}

    @route("GET", "/api/collector/sources", summary="All sources", response=schemas.SourceList())
    def list_sources(self) -> dict[str, Any]:
        """Who may write. Write keys are not shown: only their hashes are known."""
        return {"items": Storage(self.store).sources.all()}

    @route("GET", "/api/collector/events/<id>", summary="An accepted event", response=schemas.ArchivedEvent())
    def get_event(self, id: str) -> dict[str, Any]:
        """An event of the archive by its id: `ce-id` of the message that the services received."""
        row = Storage(self.store).archive.find(id)
        if row is None:
            raise NotFound("No event in the archive has this id.")
        return {
            **row,
            "data": from_document(row).data(),
            "backfill": row.get("backfill", False),
            "published": "pending_since" not in row,
        }

    @route(
        "GET",
        "/api/collector/events",
        summary="An accepted event by the client's message id",
        query=schemas.EventQuery(),
        response=schemas.ArchivedEvent(),
    )
    def find_event(self, query: dict[str, Any]) -> dict[str, Any]:
        """Whether a message was accepted, asked with what the client knows of it."""
        return self.get_event(event_id(query["source"], query["message_id"]))


def _response(request: Request, given: Answer) -> Response:
    """An answer that a page of any origin may read; the write key says who it is, not the origin."""
    response = Response(given.body, given.status, dict(given.headers))
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers["Vary"] = "Origin"
    return response


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _body(request: Request) -> bytes:
    """The bytes of the body, whether its length was announced or it came in chunks."""
    request.environ["wsgi.input_terminated"] = True  # eventlet ends the stream by itself
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        limit = wire.REQUEST_BYTES // 1024
        raise Refused(Reason.REQUEST_TOO_LARGE, f"send at most {limit} KB at once, after decompression") from None


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    """The place in a listing that a cursor stands for."""
    position = from_cursor(cursor)
    if position is None:
        return None
    try:
        received_at, row_id = position
        return datetime.fromisoformat(received_at), str(row_id)
    except (TypeError, ValueError):
        raise BadRequest("`cursor` is not one that a page gave as `next`; start without it.") from None
