"""The OpenAPI 3.1 document of an HTTP class, from the same schemas that its routes load and dump with."""

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from shared.http import Api, Route, route

_PROBLEM = "application/problem+json"


class ProblemDetails(Schema):
    """RFC 9457."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    fields_ = fields.Dict(data_key="fields")


def routes_of(api: type) -> list[tuple[str, Route]]:
    """(method name, route) of every typed route of a class, by path."""
    members = ((name, getattr(api, name)) for name in dir(api))
    found = [(name, entry) for name, member in members for entry in getattr(member, ENTRYPOINT_EXTENSIONS_ATTR, ())]
    return sorted(((name, entry) for name, entry in found if isinstance(entry, Route)), key=lambda r: (r[1].url, r[1].method))


def document(api: type[Api]) -> dict[str, Any]:
    """The OpenAPI document of `api`."""
    service = api.name.removesuffix("_api")  # type: ignore[attr-defined]
    spec = APISpec(
        title=f"Sambandh {service}",
        version="1",
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=lambda schema: _name(schema))],
        info={"description": (api.__doc__ or "").strip()},
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    spec.components.security_scheme("key", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    spec.components.schema("Problem", schema=ProblemDetails)
    for name, one in routes_of(api):
        operation = _operation(api, name, one)
        spec.path(path=one.template, operations={one.method.lower(): operation})
    return spec.to_dict()


def _name(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return str(cls.__name__)


def _operation(api: type[Api], name: str, one: Route) -> dict[str, Any]:
    path_parts = re.findall(r"{(\w+)}", one.template)
    parameters: list[Any] = [{"in": "path", "name": p, "required": True, "schema": {"type": "string"}} for p in path_parts]
    if one.options.query is not None:
        parameters.append({"in": "query", "schema": one.options.query})
    if one.options.headers is not None:
        parameters.append({"in": "header", "schema": one.options.headers})
    good: dict[str, Any] = {"description": one.options.summary}
    if one.options.response is not None:
        good["content"] = {"application/json": {"schema": one.options.response}}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": one.options.summary,
        "description": (getattr(api, name).__doc__ or "").strip(),
        "parameters": parameters,
        "security": [{"token": [one.scope]}, {"key": [one.scope]}] if one.scope else [],
        "responses": {
            str(one.options.status): good,
            "default": {"description": "A problem", "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        },
    }
    if one.options.body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": one.options.body}}}
    return operation


def serves_openapi(service: str) -> Any:
    """A method for an HTTP class that serves its own document at /api/<service>/openapi.json."""

    @route("GET", f"/api/{service}/openapi.json", summary="This document", open_to_all=True)
    def openapi(self: Api) -> dict[str, Any]:
        """OpenAPI 3.1 of this service; open to all, it tells nothing about customers."""
        return document(type(self))

    return openapi
