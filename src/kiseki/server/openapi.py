"""The OpenAPI 3.1 document, made from the declared endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from kiseki.base.version import __version__
from kiseki.server.routing import Endpoint

_PARAMETER = re.compile(r"{(\w+)}")
_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for people"},
        "code": {"type": "string", "description": "for programs"},
    },
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document as plain data."""
    types = [
        kind
        for endpoint in endpoints
        for kind in (endpoint.body, endpoint.answer)
        if kind is not None and not isinstance(kind, str)
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schema_of = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schema_of)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kiseki", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "kiseki_session"},
            },
        },
        "security": [{"key": []}, {"session": []}],
    }


def _operation(endpoint: Endpoint, schema_of: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": {
            **_answer(endpoint, schema_of),
            "default": {
                "description": "what went wrong",
                "content": {
                    "application/problem+json": {
                        "schema": {"$ref": _REFERENCE.format(name="Problem")}
                    }
                },
            },
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": _content(endpoint.body, schema_of),
        }
    if endpoint.is_public:
        operation["security"] = []
    return operation


def _answer(endpoint: Endpoint, schema_of: dict[int, Any]) -> dict[str, Any]:
    if endpoint.answer is None:
        return {"204": {"description": "done"}}
    content = _content(endpoint.answer, schema_of)
    return {str(endpoint.status): {"description": "the answer", "content": content}}


def _content(kind: Any, schema_of: dict[int, Any]) -> dict[str, Any]:
    if isinstance(kind, str):
        return {kind: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": schema_of[id(kind)]}}


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    if endpoint.query is not None:
        _, components = msgspec.json.schema_components([endpoint.query])
        schema = components[endpoint.query.__name__]
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": inner,
            }
            for name, inner in schema["properties"].items()
        ]
    return parameters
