"""Entrypoints: raw doors, routes with schemas, and the guard that both have."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any, TypeVar

import eventlet
from marshmallow import Schema, ValidationError
from nameko.extensions import register_entrypoint
from nameko.web.handlers import HttpRequestHandler
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from shared import metrics
from shared.access.audit import SETTING as AUDIT
from shared.access.audit import Attempt
from shared.access.caller import Caller, attributed
from shared.access.guard import demand, guard_of
from shared.access.scopes import READ_METHODS, scope_of
from shared.errors import BadRequest, TooLarge, Unprocessable
from shared.extension import Store
from shared.http.answers import answer, as_problem, problem
from shared.http.server import Server
from shared.http.tags import Tagged

BODY_LIMIT = 1024 * 1024
"""Bytes."""

_ENTRY = "sambandh.audit"  # where a request keeps the id of its entry in the audit log
F = TypeVar("F", bound=Callable[..., Any])


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
        return problem(as_problem(error))


_TIME = "Give a time with its offset, such as 2026-05-01T08:00:00Z."
_IN_OTHER_WORDS = {
    "Not a valid datetime.": _TIME,
    "Not a valid aware datetime.": _TIME,
    "Not a valid date.": "Give a date, such as 2026-05-01.",
}


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
            loaded = _load(self.options.query, _asked(self.options.query, request), "query parameters")
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


def give_way() -> None:
    """Let other requests have their turn: green threads do not take it while one computes."""
    eventlet.sleep(0)


def _load(schema: Schema, values: Any, what: str) -> Any:
    try:
        return schema.load(values)
    except ValidationError as error:
        found = _helpful(error.messages if isinstance(error.messages, dict) else {"_schema": error.messages})
        kind = Unprocessable if what == "body" else BadRequest
        raise kind(f"The {what} cannot be used: see `fields`.", fields=found) from None


def _helpful(messages: Any) -> Any:
    """What is wrong with fields, with words that say what to do in place of those of the library that only say that it is wrong."""
    if isinstance(messages, dict):
        return {name: _helpful(one) for name, one in messages.items()}
    return [_IN_OTHER_WORDS.get(one, one) for one in messages] if isinstance(messages, list) else messages


def _made(response: Response) -> dict[str, str]:
    """The id of what was made: the first field of the answer that is called one."""
    if response.status_code != HTTPStatus.CREATED or not response.is_json:
        return {}
    payload = response.get_json(silent=True)
    named = payload.items() if isinstance(payload, dict) else ()
    ids = {name: value for name, value in named if (name == "id" or name.endswith("_id")) and isinstance(value, str)}
    return dict(list(ids.items())[:1])


def _asked(schema: Schema, request: Request) -> dict[str, str]:
    """The query parameters. One that the route does not know is refused: a filter that is misspelt must not list everybody."""
    known = sorted(field.data_key or name for name, field in schema.load_fields.items())
    unknown = {name: [f"There is no such parameter. Known are {', '.join(known)}."] for name in request.args if name not in known}
    if unknown:
        raise BadRequest("The query parameters cannot be used: see `fields`.", fields=unknown)
    return request.args.to_dict()


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
