"""Answers: JSON, and problem details for whatever went wrong (RFC 9457)."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from shared import errors, logs
from shared.errors import BadRequest, Problem, StoreAway, Unavailable

_log = logs.get(__name__)


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


_NOTHING_HERE = "Nothing is served at this address: see /api/<service>/openapi.json for what is."


def as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, (StoreAway, PyMongoError)):
        _log.warning("request failed", error=logs.place(error))
        return Unavailable("The database cannot be reached; try again.", headers=[("Retry-After", "2")])
    if isinstance(error, HTTPException):
        nothing = error.code == HTTPStatus.NOT_FOUND
        return _of_status(error.code or 500, _NOTHING_HERE if nothing else error.description or "")
    _log.error("request failed", error=logs.place(error))
    return Problem("Something went wrong on our side; it is logged.")


def _of_status(status: int, detail: str) -> Problem:
    known = {kind.status: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)}
    return known.get(status, BadRequest)(detail)
