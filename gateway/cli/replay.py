"""`sluicegate replay [SERVICE]`: every decision made again, from the journal alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.admin_api import DEFAULT_URL, AdminApi
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from gateway.control.replay import Replayed
    from gateway.state.journal import Entry

_PAGE: Final = 500
_FAILED: Final = 1


def replay(
    service: Annotated[
        str | None, typer.Argument(help="One service; all without.", show_default=False)
    ] = None,
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Make every decision again from the journal, and compare; exit 1 if one differs."""
    from gateway.cli.screen import print_json
    from gateway.control.replay import Replay
    from gateway.domain.lane import service_of
    from gateway.state.journal import first_break

    entries = list(all_entries(admin_api(admin, ca)))
    broken = first_break(entries)
    made = [
        one
        for one in Replay().all_of(entries)
        if service is None or service in {one.service, service_of(one.service)}
    ]
    if as_json:
        print_json({
            "entries": len(entries),
            "broken_at": None if broken is None else broken.seq,
            "decisions": [_shown(one) for one in made],
        })
    else:
        for one in made:
            typer.echo(line(one))
        typer.echo(summary(len(entries), None if broken is None else broken.seq, made))
    if broken is not None or any(one.again is not None for one in made):
        raise typer.Exit(_FAILED)


def line(one: "Replayed") -> str:
    """Say whether a decision came out the same."""
    if one.again is not None:
        return f"DIFFERS {one.seq} {one.service}: {one.said} | now: {one.again}"
    word = "open   " if one.is_open else "same   "
    return f"{word} {one.seq} {one.service}: {one.said}"


def summary(entries: int, broken: int | None, made: "list[Replayed]") -> str:
    """Count what came out."""
    differ = sum(one.again is not None for one in made)
    open_ones = sum(one.is_open for one in made)
    chain = "the chain holds"
    if broken is not None:
        chain = (
            f"the chain breaks at entry {broken}, which was changed or follows a gap"
        )
    parts = [f"{entries} entries, {chain}", f"{len(made)} decisions made again"]
    parts.append(f"{differ} differ" if differ else "all came out the same")
    if open_ones:
        parts.append(f"{open_ones} rest on counts that are not in the journal any more")
    return "; ".join(parts) + "."


def _shown(one: "Replayed") -> dict[str, object]:
    return {
        "seq": one.seq,
        "service": one.service,
        "said": one.said,
        "again": one.again,
        "is_open": one.is_open,
    }


def all_entries(api: AdminApi) -> "Iterator[Entry]":
    """Read the whole journal: the chain runs through all services."""
    from gateway.cli.views import JournalPage, RawEntry, read
    from gateway.state.journal import Entry

    after = 0
    while True:
        answer = api.journal(None, after=after, limit=_PAGE, raw=True)
        page = read(JournalPage, answer).entries
        if not page:
            return
        for written in page:
            view = read(RawEntry, written)
            yield Entry(
                seq=view.seq,
                at=view.unix,
                service=view.service,
                kind=view.kind,
                body=None if view.raw is None else view.raw.encode(),
                digest=bytes.fromhex(view.digest),
                hash=bytes.fromhex(view.hash),
            )
            after = view.seq
