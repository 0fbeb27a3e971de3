"""The OpenAPI 3.1 document, made from the endpoints and their msgspec types."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec

from api.errors import OUTSIDE, InternalError
from api.request_id import REQUEST_ID
from api.rest import fields
from api.rest.endpoint import AnyEndpoint
from api.rest.payment import KEY_HEADER
from api.rest.problem import Problem
from api.rest.schema import describe, prose, tell_defaults
from api.rest.writing import DEADLINE_HEADER
from pycore.errors import (
    LedgerOverloadedError,
    LedgerUnavailableError,
    MerchantDisabledError,
    PermissionDeniedError,
    PycoreError,
    RateLimitedError,
    UnauthenticatedError,
)

API_VERSION: Final = version("pycore")
"""The package's own, as ``pycore --version`` says it."""

_REFERENCE: Final = "#/components/schemas/{name}"
_IN_PATH: Final = re.compile(r"{(\w+)}")
_REQUEST_ID_HEADER: Final = {
    REQUEST_ID: {"description": "What the server calls this request.", "schema": {"type": "string"}}
}
_SECURITY: Final = "api_key"
_SECURITY_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key's secret: `sk_test_…`, `sk_live_…` of a merchant, `ok_live_…` of an operator.",
}
_DESCRIPTION: Final = """\
Payments, refunds and stored value over HTTP, on a double-entry ledger. The same with streams and less overhead is
offered over gRPC.

Calls need an API key: `authorization: Bearer …`. What changes something carries an `idempotency-key`, or ids chosen by
the caller: whatever went wrong, asking again with the same is safe, nothing is done twice. Amounts are minor units:
`1999` is 19.99 yuan.
"""


def document(endpoints: Sequence[AnyEndpoint]) -> dict[str, Any]:
    """Return the OpenAPI document of ``endpoints``."""
    used = [kind for each in endpoints for kind in (each.answer, each.body, each.query) if kind is not None]
    kinds = [*used, fields.Id, Problem]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    describe(components, kinds)
    tell_defaults(components, [each.body for each in endpoints if each.body is not None])
    schema_of = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    for query in {each.query for each in endpoints if each.query is not None}:
        # A query is no object of its own, but a parameter for each of its fields.
        schema_of[id(query)] = components.pop(schema_of[id(query)]["$ref"].rpartition("/")[2])
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pycore",
            "version": API_VERSION,
            "description": _DESCRIPTION,
            "contact": {"name": "Whoever runs this server"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server this document comes from."}],
        "tags": [
            {"name": "payments", "description": "What payers are asked to pay."},
            {"name": "refunds", "description": "What is given back."},
            {"name": "wallet", "description": "Customers' stored value: balances and withdrawals."},
            {"name": "ledger", "description": "Accounts, transfers and what can be asked about them."},
            {"name": "merchants", "description": "Merchants, their stores, and the API keys their systems call with."},
            {"name": "customers", "description": "The persons who pay a merchant."},
            {"name": "events", "description": "What happened."},
            {"name": "webhooks", "description": "Where you are told of it."},
            {"name": "operation", "description": "Health and metrics."},
        ],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {_SECURITY: _SECURITY_SCHEME}},
    }


def _operation(endpoint: AnyEndpoint, schema_of: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [endpoint.tag],
        "operationId": f"{endpoint.handler.__module__.rpartition('.')[2]}_{endpoint.handler.__name__}",
        "summary": endpoint.summary,
        "description": endpoint.description or f"{endpoint.summary}.",
        "parameters": _parameters(endpoint, schema_of),
        "responses": {
            "200": {
                "description": prose(getattr(endpoint.answer, "__doc__", None) or endpoint.summary),
                "headers": _REQUEST_ID_HEADER,
                "content": {endpoint.media_type: {"schema": schema_of[id(endpoint.answer)]}},
            },
            **_problems((*endpoint.errors, *_refusals(endpoint), LedgerOverloadedError, InternalError), schema_of),
        },
    }
    operation["security"] = [] if endpoint.scope is None else [{_SECURITY: []}]
    if endpoint.scope is not None:
        operation["description"] += f" Needs a key with the scope `{endpoint.scope}`."
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[id(endpoint.body)]}},
        }
    return operation


def _parameters(endpoint: AnyEndpoint, schema_of: dict[int, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name in _IN_PATH.findall(endpoint.path):
        schema = schema_of[id(fields.Id)] if name == "id" else {"type": "string"}
        if name == "id" and endpoint.id_prefix is not None:
            schema = {"type": "string", "pattern": f"^{endpoint.id_prefix}_[0-9a-f]{{32}}$"}
        text = "Its id." if name == "id" else f"Which {name}."
        parameters.append({"name": name, "in": "path", "required": True, "description": text, "schema": schema})
    if endpoint.has_key or endpoint.may_have_key:
        parameters.append(
            {
                "name": KEY_HEADER,
                "in": "header",
                "required": endpoint.has_key,
                "description": "Makes the call repeatable: the same request with the same key is done once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            }
        )
    if endpoint.query is not None:
        for name, each in schema_of[id(endpoint.query)]["properties"].items():
            described = {key: value for key, value in each.items() if key != "description"}
            parameter = {"name": name, "in": "query", "description": each["description"], "schema": described}
            if each.get("type") == "object":
                parameter |= {"style": "deepObject", "explode": True}
            parameters.append(parameter)
    if endpoint.has_deadline:
        parameters.append(
            {
                "name": DEADLINE_HEADER,
                "in": "header",
                "description": "How long the caller waits, in milliseconds; what was not started by then never is.",
                "schema": {"type": "integer", "minimum": 0},
            }
        )
    return parameters


def _refusals(endpoint: AnyEndpoint) -> tuple[type[PycoreError], ...]:
    """Return how the check of the key can end."""
    if endpoint.scope is None:
        return ()
    return (
        UnauthenticatedError,
        PermissionDeniedError,
        MerchantDisabledError,
        RateLimitedError,
        LedgerUnavailableError,
    )


def _problems(errors: Iterable[type[PycoreError]], schema_of: dict[int, Any]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(str(OUTSIDE[error].http.value), []).append(f"`{error.code}`: {prose(error.__doc__ or '')}")
    return {
        status: {
            "description": prose("\n\n".join(texts)),
            "headers": _REQUEST_ID_HEADER,
            "content": {"application/problem+json": {"schema": schema_of[id(Problem)]}},
        }
        for status, texts in sorted(by_status.items())
    }
