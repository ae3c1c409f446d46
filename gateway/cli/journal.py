"""`sluicegate journal [SERVICE]`: what was decided, when, by whom and why."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.admin_api import (
    DEFAULT_URL,
    AdminApi,
    AdminRefused,
    AdminUnreachable,
)
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from gateway.cli.views import EntryView

_PAGE: Final = 500
_LOOK_EVERY_S: Final = 1.0
_UNAVAILABLE: Final = 503
_BLOCK: Final = "block"
_LEFT_OUT: Final = "left_out"


def journal(
    service: Annotated[
        str | None, typer.Argument(help="One service; all without.", show_default=False)
    ] = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what comes.")
    ] = False,
    blocks: Annotated[
        bool, typer.Option("--blocks", help="Show the blocks of counts too.")
    ] = False,
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Print the journal, the oldest first; with --json one entry a line."""
    import json

    from gateway.cli.views import EntryView, read

    for entry in _entries(admin_api(admin, ca), service, follow=follow):
        view = read(EntryView, entry)
        if view.kind == _BLOCK and not blocks:
            continue
        typer.echo(json.dumps(entry, ensure_ascii=False) if as_json else line(view))


def _entries(
    api: AdminApi, service: str | None, *, follow: bool
) -> Iterator[dict[str, object]]:
    """Give all entries there are, and with *follow* those that come, for ever."""
    after = 0
    while page := _page(api, service, after):
        yield from page
        after = _number(page[-1])
    while follow:
        time.sleep(_LOOK_EVERY_S)
        page = _page_or_nothing(api, service, after)
        yield from page
        after = _number(page[-1]) if page else after


def _page(api: AdminApi, service: str | None, after: int) -> list[dict[str, object]]:
    from gateway.cli.views import JournalPage, read

    return read(JournalPage, api.journal(service, after=after, limit=_PAGE)).entries


def _page_or_nothing(
    api: AdminApi, service: str | None, after: int
) -> list[dict[str, object]]:
    """Wait out a controller that restarts, and a store that is away."""
    try:
        return _page(api, service, after)
    except AdminUnreachable:
        return []
    except AdminRefused as refused:
        if refused.status != _UNAVAILABLE:
            raise
        return []


def _number(entry: object) -> int:
    from gateway.cli.views import EntryView, read

    return read(EntryView, entry).seq


def line(entry: "EntryView") -> str:
    """Write one entry as a sentence."""
    body = entry.body or {}
    said = str(body.get("said", "")) or _without_words(entry)
    reason = body.get("reason")
    why = f" ({reason})" if reason else ""
    by = f" by {body['by']}" if body.get("by") else ""
    return f"{entry.at}  {entry.service or '-'}  {entry.kind}{by}: {said}{why}"


def _without_words(entry: "EntryView") -> str:
    """Say what an entry of counts is."""
    if entry.body is None:
        return "its counts were taken out, as those of all old attempts"
    if entry.kind == _LEFT_OUT:
        blocks = entry.body.get("blocks", "some")
        return f"{blocks} blocks of counts found no room while the store was away"
    return f"counts of block {entry.body.get('number', '?')}"
