"""`sluicegate start|pause|resume|promote|abort|retry|kill|unkill`: rollouts by hand."""

import time
from collections.abc import Callable, Mapping
from operator import or_
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli import in_force
from gateway.cli.admin_api import DEFAULT_URL, AdminApi, AdminUnreachable
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.views import Acted, RolloutView

Service = Annotated[str, typer.Argument(help="Which service.")]
Reason = Annotated[
    str, typer.Option(help="Why, for the record.", show_default=False)
]  # fmt: skip

_PROMOTED: Final = "promoted"
_ENDED: Final = frozenset({_PROMOTED, "rolled_back", "aborted"})
_IDLE: Final = "idle"
_LOOK_EVERY_S: Final = 0.5
_UNREACHABLE_FOR_S: Final = 30.0
_FAILED: Final = 1
_EXPECTED: Final = frozenset({None, "not_allowed_now"})
"""What may come of an action in one of several lanes: done, or no row in the table."""


def beginning(action: str, told: str) -> Callable[..., None]:
    """Make the command of an action that begins a rollout.

    Args:
        action: As the admin API calls it.
        told: What it does, for its help.

    """

    def command(
        service: Service,
        *,
        wait: Annotated[
            bool,
            typer.Option(
                "--wait", help="Wait for its end; exit 0 when promoted, 1 otherwise."
            ),
        ] = False,
        reason: Reason = "",
        admin: AdminUrl = DEFAULT_URL,
        ca: AdminCa = None,
        as_json: AsJson = False,
    ) -> None:
        _begin(
            service,
            action,
            wait=wait,
            reason=reason,
            api=admin_api(admin, ca),
            as_json=as_json,
        )

    command.__doc__ = told
    return command


def plain(action: str, told: str) -> Callable[..., None]:
    """Make the command of any other action; see `beginning`."""

    def command(
        service: Service,
        reason: Reason = "",
        admin: AdminUrl = DEFAULT_URL,
        ca: AdminCa = None,
        as_json: AsJson = False,
    ) -> None:
        _act(service, action, reason=reason, api=admin_api(admin, ca), as_json=as_json)

    command.__doc__ = told
    return command


def promote(
    service: Service,
    *,
    full: Annotated[
        bool,
        typer.Option("--full", help="All traffic at once, without any more proof."),
    ] = False,
    reason: Reason = "",
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Go on to the next step now."""
    _act(
        service,
        "promote",
        full=full,
        reason=reason,
        api=admin_api(admin, ca),
        as_json=as_json,
    )


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "start": beginning("start", "Start the rollout of a service's candidate."),
    "pause": plain(
        "pause", "Hold a rollout where it is; a regression still rolls it back."
    ),
    "resume": plain(
        "resume", "Let a paused rollout go on, with the weight of its step."
    ),
    "promote": promote,
    "abort": plain("abort", "End a rollout; the baseline gets everything."),
    "retry": beginning(
        "retry", "Start a rollout that has ended once more, with other users first."
    ),
    "kill": plain("kill", "Send everything to the baseline now, until `unkill`."),
    "unkill": plain(
        "unkill",
        "Switch the kill switch off; the candidate stays at 0 until it is started.",
    ),
}
"""By name."""


def _begin(
    service: str, action: str, *, wait: bool, reason: str, api: AdminApi, as_json: bool
) -> None:
    if not (wait and as_json):
        _act(service, action, reason=reason, api=api, as_json=as_json)
    else:  # one document: of how it ended, or of what did not begin
        _begin_silently(service, action, reason=reason, api=api)
    if wait:
        _wait(api, service, as_json=as_json)


def _begin_silently(service: str, action: str, *, reason: str, api: AdminApi) -> None:
    from gateway.cli.screen import print_json
    from gateway.cli.views import Acted, read

    answer = api.act(service, action, reason=reason)
    if _has_failed(read(Acted, answer)):
        print_json(answer)
        raise typer.Exit(_FAILED)


def _has_failed(acted: "Acted") -> bool:
    """Whether a lane has failed otherwise than with no row in the table."""
    return any(lane.error not in _EXPECTED for lane in acted.lanes)


def _act(
    service: str,
    action: str,
    *,
    full: bool = False,
    reason: str,
    api: AdminApi,
    as_json: bool,
) -> None:
    from gateway.cli.screen import print_json
    from gateway.cli.views import Acted, read

    answer = api.act(service, action, reason=reason, full=full)
    acted = read(Acted, answer)
    if as_json:
        print_json(answer)
    else:
        typer.echo(told(acted))
    in_force.demand_everywhere(acted.workers)
    if _has_failed(acted):
        raise typer.Exit(_FAILED)


def told(acted: "Acted") -> str:
    """Say what was done, what is in force, and what else should be known."""
    from gateway.cli.figures import percent

    split = ", ".join(f"{name} {percent(p)}" for name, p in acted.weights.items())
    phase = "" if acted.rollout is None else f"{acted.rollout.phase}; "
    said = [(lane.name, lane.said) for lane in acted.lanes]
    lines = [
        *acted.notes,
        *(f"{name}: {what}" for name, what in said or [(acted.service, acted.said)]),
        f"{phase}{split}; {in_force.told(acted.workers)}",
    ]
    if not acted.durable:
        lines.append("It could not be stored, so a restart would undo it.")
    return "\n".join(lines)


def _wait(api: AdminApi, service: str, *, as_json: bool) -> None:
    """Tell each change until the rollout has ended; leave with what came of it.

    A gateway that restarts meanwhile is waited for: its rollout goes on.

    Raises:
        typer.Exit: 1, it was not promoted.
        AdminUnreachable: It has not answered for half a minute.

    """
    from gateway.cli.screen import print_json

    before: list[str] = []
    for rollouts in _standings(api, service):
        lines = [rollout.line() for rollout in rollouts]
        new = [] if as_json else [line for line in lines if line not in before]
        before = lines
        for line in new:
            typer.echo(line)
        if _is_over(rollouts):
            if as_json:
                print_json(api.service(service))
            is_promoted = any(rollout.phase == _PROMOTED for rollout in rollouts)
            raise typer.Exit(0 if is_promoted else _FAILED)


def _is_over(rollouts: "Sequence[RolloutView]") -> bool:
    """Whether none is on. A lane that did not begin with the others ends no more.

    Where all are idle, the gateway has been started anew, and is yet to read its store.
    """
    ended = [one.phase in _ENDED or one.killed for one in rollouts]
    idle = [one.phase == _IDLE for one in rollouts]
    return any(ended) and all(map(or_, ended, idle))


def _standings(api: AdminApi, service: str) -> "Iterator[list[RolloutView]]":
    """Look where a rollout stands, or those of several candidates, again and again."""
    from gateway.cli.views import analysed

    last_seen = time.monotonic()
    while True:
        try:
            yield [one.rollout for one in analysed(api.analysis(service))]
        except AdminUnreachable:
            if time.monotonic() - last_seen > _UNREACHABLE_FOR_S:
                raise
        else:
            last_seen = time.monotonic()
        time.sleep(_LOOK_EVERY_S)
