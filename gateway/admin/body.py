"""Reading what a request says: its JSON body and its If-Match."""

import re
from typing import Final

import orjson
from aiohttp import web

from gateway.domain.errors import BadWeights, Refused

LARGEST_BODY: Final = 64 * 1024
_JSON: Final = "application/json"
_ETAG: Final = re.compile(r'(?:W/)?"?(\d{1,18})"?')


def demand_json(request: web.Request) -> None:
    """Refuse a content type that is not JSON; none is fine while there is no body.

    Raises:
        Refused: 415.

    """
    silent = "Content-Type" not in request.headers and not request.body_exists
    if request.content_type != _JSON and not silent:
        raise Refused(
            415,
            f"The content type {request.content_type!r:.80} is not taken here.",
            remedy=f"Send JSON with `Content-Type: {_JSON}`.",
        )


async def json_object(
    request: web.Request, *, example: str = '{"v2": 25}'
) -> dict[str, object]:
    """Read a JSON object.

    Args:
        request: With a body.
        example: What may be sent, for who did not.

    Raises:
        Refused: 400 or 415.
        BadWeights: It is JSON, but no object.
        HTTPRequestEntityTooLarge: Larger than LARGEST_BODY.

    """
    demand_json(request)
    try:
        document = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Refused(
            400,
            f"The body is not JSON ({error}).",
            remedy=f"Send something like {example}.",
        ) from error
    if not isinstance(document, dict):
        raise BadWeights(
            "The body is no JSON object.", remedy=f"Send something like {example}."
        )
    return document


def revision_expected(request: web.Request) -> int | None:
    """Read If-Match: 7, "7", W/"7"; None when it is absent or `*`.

    Raises:
        Refused: 400, it is something else.

    """
    written = request.headers.get("If-Match", "*").strip()
    if written == "*":
        return None
    if (match := _ETAG.fullmatch(written)) is None:
        raise Refused(
            400,
            f"If-Match is {written!r:.40}, which is no revision.",
            remedy="Send the revision that GET shows, such as `If-Match: 7`.",
        )
    return int(match[1])
