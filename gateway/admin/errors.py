"""Every error of the admin API in one shape: {"error": {"type", "message"}}."""

import logging
from collections.abc import Mapping
from typing import Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.domain.errors import GatewayError, Refused

_log = logging.getLogger(__name__)
_INTERNAL: Final = 500

_TYPES: Final[Mapping[int, str]] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    410: "gone",
    413: "body_too_large",
    415: "unsupported_media_type",
    503: "not_ready",
}


def json_response(
    document: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Write *document* as an answer that no cache keeps."""
    return web.Response(
        body=orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE),
        status=status,
        content_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was raised; what nobody expected is logged and says nothing."""
    try:
        return await handler(request)
    except GatewayError as error:
        return _answer(error)
    except web.HTTPException as error:
        return _answer(_translated(request, error), headers=_allow(error))
    except Exception:  # ruff: ignore[blind-except]: the last line of defence
        _log.exception("%s %r failed.", request.method, request.path)
        return error_response(
            _INTERNAL,
            "internal_error",
            "The gateway failed to answer this. Its log says why; report it.",
        )


def error_response(
    status: int, kind: str, message: str, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Write one error."""
    document = {"error": {"type": kind, "message": message}}
    return json_response(document, status=status, headers=headers)


def kind_of(error: GatewayError) -> str:
    """Give the type an error is answered with."""
    if isinstance(error, Refused):
        return _TYPES.get(error.status, error.type)
    return error.type


def _answer(
    error: GatewayError, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    if error.status == web.HTTPUnauthorized.status_code:
        headers = {"WWW-Authenticate": 'Bearer realm="sluicegate"'}
    return error_response(error.status, kind_of(error), str(error), headers=headers)


def _translated(request: web.Request, error: web.HTTPException) -> Refused:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Refused(
            error.status,
            f"{request.path} does not take {request.method}.",
            remedy=f"Use {allowed}.",
        )
    if isinstance(error, web.HTTPNotFound):
        return Refused(
            error.status,
            f"There is nothing at {request.path}.",
            remedy=f"There is: {', '.join(_paths(request.app))}.",
        )
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Refused(
            error.status,
            "The request body is too large.",
            remedy="Send at most 64 KiB.",
        )
    return Refused(error.status, f"{error.reason}.", remedy="Mend the request.")


def _paths(app: web.Application) -> list[str]:
    return sorted({resource.canonical for resource in app.router.resources()})


def _allow(error: web.HTTPException) -> Mapping[str, str] | None:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {"Allow": ", ".join(sorted(error.allowed_methods))}
    return None
