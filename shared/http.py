"""HTTP: typed routes with problem-details errors, a guard at every door, and the OpenAPI document of what is served.

    class ProfilesApi(Api):
        name = "profiles_api"

        @route("GET", "/api/profiles/customers/<identity>", summary="A customer", response=schemas.Customer())
        def get_customer(self, identity: str) -> dict[str, Any]:
            ...

A handler gets the path's parts, `query`, `headers` and `body` (loaded by their schemas), raises a `Problem` or returns what `response`
dumps. Nobody calls it without the scope that its method and service ask for, or a sharper one that it names (shared/access/scopes.py).
nameko's own answer to an exception is its text, and its server takes bodies of any size: both are replaced here.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, ClassVar, TypeVar

import eventlet
from eventlet import wsgi
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from nameko.extensions import register_entrypoint
from nameko.web.handlers import HttpRequestHandler
from nameko.web.server import WebServer, WsgiApp
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_etags
from werkzeug.wrappers import Request, Response

from shared import errors, logs, metrics
from shared.access.audit import SETTING as AUDIT
from shared.access.audit import Attempt
from shared.access.caller import Caller, attributed
from shared.access.guard import demand, guard_of
from shared.access.scopes import READ_METHODS, scope_of
from shared.errors import BadRequest, Problem, StoreAway, TooLarge, Unavailable, Unprocessable
from shared.extension import Store

_HEX = re.compile("[0-9a-f]{1,12}")
BODY_LIMIT = 1024 * 1024
_ENTRY = "sambandh.audit"  # where a request keeps the id of its entry in the audit log
F = TypeVar("F", bound=Callable[..., Any])
_log = logs.get(__name__)


class Routes(WsgiApp):  # type: ignore[misc]  # nameko has no types
    """nameko's dispatch, with problem details where no route fits."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            self.url_map.bind_to_environ(environ).match()
        except HTTPException as error:
            refused: Any = problem(_as_problem(error)) if error.code in (404, 405) else error.get_response(environ)
            return list(refused(environ, start_response))
        answered: Iterable[bytes] = super().__call__(environ, start_response)
        return answered


class Server(WebServer):  # type: ignore[misc]  # nameko has no types
    """nameko's server with quiet logs, limits on slow clients, problem details for unknown paths, and answers finished on stop."""

    active = 0
    around: ClassVar[Any] = staticmethod(lambda application: application)  # tracing, where it is on

    def get_wsgi_app(self) -> Any:
        routes = self.around(Routes(self))

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.active += 1
            try:
                return list(routes(environ, start_response))
            finally:
                self.active -= 1

        return application

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **options: Any) -> Any:
        return wsgi.Server(sock, sock.getsockname(), wsgi_app, log_output=False, socket_timeout=65, url_length_limit=8192)

    def process_request(self, sock: Any, address: Any) -> None:
        """A client that is gone takes nobody with it: what this raises would end the whole service."""
        try:
            super().process_request(sock, address)
        except OSError as error:
            _log.info("a connection broke", error=logs.place(error))

    def stop(self) -> None:
        self._is_accepting = False
        if self._sock is None:  # asked to stop before it was started: the database was away all the time
            return
        self._gt.kill()  # before the socket: once that is closed its number may be given to another, and whoever waits for it is thrown out
        self._sock.close()
        with eventlet.Timeout(10, False):
            while self.active:
                eventlet.sleep(0.02)
        eventlet.sleep(0.05)  # the last answers are on their way to the socket
        super().stop()


class Door(HttpRequestHandler):  # type: ignore[misc]
    """An entrypoint that gets the raw request and answers with a raw response; it renders its own errors.

    `scope` is what callers need, by default what the method asks of the service; `open_to_all` leaves that to the method itself. One
    that `only_asks` changes nothing although its method is not GET: reading is enough for it, and it is not in the audit log.
    """

    server = Server()

    def __init__(
        self, method: str, url: str, *, scope: str | None = None, open_to_all: bool = False, only_asks: bool = False
    ) -> None:
        super().__init__(method, url)
        self.changes = method not in READ_METHODS and not only_asks
        self.scope = None if open_to_all else scope or scope_of("GET" if only_asks else method, url)

    @property
    def template(self) -> str:
        """The path with names for its parts: what metrics and OpenAPI call this route."""
        return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", self.url)

    def handle_request(self, request: Request) -> Response:
        began = monotonic()
        request.max_content_length = BODY_LIMIT
        response: Response = super().handle_request(request)
        entry = request.environ.get(_ENTRY)
        if entry is not None:
            self.container.config[AUDIT].finish(entry, response.status_code, _made(response))
        metrics.HTTP_SECONDS.labels(self.template, request.method, str(response.status_code)).observe(monotonic() - began)
        return response

    def get_entrypoint_parameters(self, request: Request) -> tuple[tuple[Any, ...], dict[str, Any]]:
        self.admit(request)
        parameters: tuple[tuple[Any, ...], dict[str, Any]] = super().get_entrypoint_parameters(request)
        return parameters

    def admit(self, request: Request) -> Caller | None:
        """The caller, None where all are let in. What would change something is on record from here on, also where it is refused.

        Raises Unauthorized, Forbidden, Unavailable, StoreAway.
        """
        if self.scope is None:
            return None
        caller = guard_of(self.container.config).caller(request)
        if self.changes:
            target = {name: str(value) for name, value in request.path_values.items()}  # type: ignore[attr-defined]
            attempt = Attempt(caller, request.method, self.template, target)
            request.environ[_ENTRY] = self.container.config[AUDIT].begin(attempt)
        demand(caller, self.scope)
        return caller

    def response_from_exception(self, error: Exception) -> Response:
        return problem(_as_problem(error))


@dataclass(frozen=True)
class Options:
    """What a typed route says of itself: schemas of query, headers, body and result, the status of success, who may call it.

    The `headers` schema names each header that the route reads by its `data_key`: `Idempotency-Key`. With `caller` the method is given
    the verified caller as well.
    """

    summary: str
    response: Schema | None = None
    query: Schema | None = None
    headers: Schema | None = None
    body: Schema | None = None
    status: int = 200
    caller: bool = False


class Route(Door):
    """An entrypoint with schemas: query, headers and body are loaded, the result is dumped as JSON."""

    def __init__(self, method: str, url: str, **options: Any) -> None:
        said_of_doors = {name: options.pop(name) for name in ("scope", "open_to_all", "only_asks") if name in options}
        super().__init__(method, url, **said_of_doors)
        self.options = Options(**options)

    def get_entrypoint_parameters(self, request: Request) -> tuple[tuple[()], dict[str, Any]]:
        caller = self.admit(request)
        parameters = dict(request.path_values)  # type: ignore[attr-defined]  # set by nameko
        if self.options.caller:
            parameters["caller"] = caller
        if self.options.query is not None:
            loaded = _load(self.options.query, request.args.to_dict(), "query parameters")
            parameters["query"] = attributed(self.options.query, loaded, caller)
        if self.options.headers is not None:
            parameters["headers"] = _load(self.options.headers, _headers(self.options.headers, request), "headers")
        if self.options.body is not None:
            parameters["body"] = attributed(self.options.body, _load(self.options.body, _json(request), "body"), caller)
        return (), parameters

    def response_from_result(self, result: Any) -> Response:
        if isinstance(result, Response):
            return result
        if isinstance(result, Tagged):
            return result.on(Response(status=304) if result.payload is None else self._answer(result.payload))
        return self._answer(result)

    def _answer(self, result: Any) -> Response:
        payload = self.options.response.dump(result) if self.options.response is not None else result
        return answer(payload, self.options.status)


@dataclass(frozen=True)
class Tagged:
    """A result with the tag that it holds under (RFC 9110, ETag). Without a payload: what the caller has is still the answer."""

    tag: str
    payload: Any = None

    def on(self, response: Response) -> Response:
        """The response with the tag. Whoever keeps it has to ask each time whether it still holds."""
        response.set_etag(self.tag)
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return response


class Conditional(Schema):
    """Headers of a route that answers with tags."""

    if_none_match = fields.String(
        data_key="If-None-Match",
        load_default=None,
        metadata={"description": "The ETag of an answer that the caller has: 304 without a body where it still holds."},
    )


def give_way() -> None:
    """Let other requests have their turn: green threads do not take it while one computes."""
    eventlet.sleep(0)


def tag_until(content: str, until: datetime) -> str:
    """The tag of an answer that holds as long as `content` does, and no longer than `until`: the tag itself says so."""
    return f"{content}-{int(until.timestamp()):x}"


def tag_that_holds(header: str | None, content: str, now: datetime) -> str | None:
    """The tag in `If-None-Match` whose answer is still that of `content`; None for none."""
    for tag in parse_etags(header).as_set(include_weak=True) if header else ():
        told, _, until = tag.rpartition("-")
        if told == content and _HEX.fullmatch(until) and now.timestamp() < int(until, 16):
            return tag
    return None


def route(method: str, url: str, **options: Any) -> Callable[[F], F]:
    """Serve `url` with schemas; see Options for the options, and Door for `scope`, `open_to_all` and `only_asks`."""
    return _registers(Route, method, url, options)


def door(method: str, url: str, **options: Any) -> Callable[[F], F]:
    """Serve `url` raw: the method gets the werkzeug request and the path's parts and returns a werkzeug response. See Door."""
    return _registers(Door, method, url, options)


def _registers(entrypoint: type[Door], method: str, url: str, options: Mapping[str, Any]) -> Callable[[F], F]:
    def register(function: F) -> F:
        register_entrypoint(function, entrypoint(method, url, **options))
        return function

    return register


class Api:
    """Base of the HTTP classes: the database of the service."""

    store = Store()


def answer(payload: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A JSON response."""
    response = Response(
        json.dumps(payload, ensure_ascii=False, default=str), status=status, content_type="application/json; charset=utf-8"
    )
    response.headers.extend(list(headers))
    return response


def problem(error: Problem) -> Response:
    """RFC 9457 problem details, with `code` for programs and `fields` for forms."""
    payload: dict[str, Any] = {
        "type": f"urn:sambandh:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    if error.fields:
        payload["fields"] = error.fields
    response = answer(payload, error.status, error.headers)
    response.content_type = "application/problem+json; charset=utf-8"
    return response


class PageQuery(Schema):
    """Query parameters of every listing."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(
        load_default=50, validate=validate.Range(1, 500), metadata={"description": "Items on a page, 1 to 500."}
    )
    cursor = fields.String(load_default=None, metadata={"description": "`next` of the page before; leave out for the first."})


def page(items: list[Any], limit: int, position: Callable[[Any], Any]) -> dict[str, Any]:
    """One page out of up to `limit + 1` found items; `next` is a cursor made of the last one's position, or None at the end."""
    more = len(items) > limit
    shown = items[:limit]
    return {"items": shown, "next": to_cursor(position(shown[-1])) if more else None}


def to_cursor(position: Any) -> str:
    """An opaque cursor of a JSON-able position."""
    return base64.urlsafe_b64encode(json.dumps(position, default=str).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> Any:
    """The position in a cursor, None for no cursor. Raises BadRequest for one that we did not make."""
    if not cursor:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        raise BadRequest("`cursor` is not one that a page gave as `next`; start without it.") from None


def _load(schema: Schema, values: Any, what: str) -> Any:
    try:
        return schema.load(values)
    except ValidationError as error:
        found = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
        kind = Unprocessable if what == "body" else BadRequest
        raise kind(f"The {what} cannot be used: see `fields`.", fields=found) from None


def _made(response: Response) -> dict[str, str]:
    """The id of what was made: the first field of the answer that is called one."""
    if response.status_code != HTTPStatus.CREATED or not response.is_json:
        return {}
    payload = response.get_json(silent=True)
    named = payload.items() if isinstance(payload, dict) else ()
    ids = {name: value for name, value in named if (name == "id" or name.endswith("_id")) and isinstance(value, str)}
    return dict(list(ids.items())[:1])


def _headers(schema: Schema, request: Request) -> dict[str, str]:
    """The headers that a schema names, whatever the case they came in."""
    names = [field.data_key or name for name, field in schema.fields.items()]
    return {name: request.headers[name] for name in names if name in request.headers}


def _json(request: Request) -> Any:
    try:
        raw = request.get_data() or b"{}"
        value = json.loads(raw)
        if b"\\u" in raw:  # an escape may be half a character, which neither the database nor another reader can hold
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RequestEntityTooLarge:
        raise TooLarge(f"The body is larger than {BODY_LIMIT} bytes.") from None
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON in UTF-8.") from None


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, (StoreAway, PyMongoError)):
        _log.warning("request failed", error=logs.place(error))
        return Unavailable("The database cannot be reached; try again.", headers=[("Retry-After", "2")])
    if isinstance(error, HTTPException):
        return _of_status(error.code or 500, error.description or "")
    _log.error("request failed", error=logs.place(error))
    return Problem("Something went wrong on our side; it is logged.")


def _of_status(status: int, detail: str) -> Problem:
    known = {kind.status: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)}
    return known.get(status, BadRequest)(detail)
