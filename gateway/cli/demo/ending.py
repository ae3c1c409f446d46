"""What the demo came to: the numbers once more, and what to do next."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.demo.chapters import BASELINE, CANDIDATE, ROLES, SERVICE
from gateway.cli.demo.gateway_process import Running
from gateway.cli.demo.plain import outcomes
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.seen import (
    cost_of_a_thousand,
    not_complete,
    requests,
    share_ok,
)
from gateway.cli.figures import dollars, duration, measured_percent, percent, speed
from gateway.cli.screen import plain_table
from gateway.cli.views import Statistics

_ALL: Final = 100.0


def summary(scene: Scene) -> RenderableType:
    """Sum up: the split, each promise with its number, and what the answers were."""
    return Group(
        Text("What happened", style="bold"),
        Text(),
        _chapters(scene),
        Text(),
        *(Text.assemble(("✓ ", "green"), line) for line in _kept(scene)),
        *(Text.assemble(("✗ ", "bold red"), line) for line in scene.problems()),
        Text(),
        _story(scene),
    )


def what_next(running: Running | None) -> RenderableType:
    """Name two or three things to do now; with addresses while the gateway runs on."""
    lines = [Text("What next", style="bold"), Text()]
    for command, purpose in (
        _on_your_own() if running is None else _while_it_runs(running)
    ):
        lines.append(Text(f"  {command}"))
        lines.append(Text(f"      {purpose}", style="dim"))
    return Group(*lines)


def _story(scene: Scene) -> Text:
    """Tell what status codes would not have told."""
    seen = {name: scene.of(name) for name in ROLES}
    story = Text()
    all_ok = all(share_ok(one) == _ALL for one in seen.values())
    if all_ok and not scene.ledger.failed:
        story.append("Every answer was a 200. ", "bold")
    counted = " and ".join(
        f"{sum(not_complete(one).values())} of {one.requests} answers of {name}"
        for name, one in seen.items()
    )
    told = outcomes(scene, CANDIDATE) or "nothing"
    figures = "; ".join(_figures(name, one) for name, one in seen.items())
    return story.append(
        f"The gateway counted {counted} as not complete. It found in {CANDIDATE}'s: "
        f"{told}. Neither speed nor price shows it: {figures}."
    )


def _figures(name: str, one: Statistics) -> str:
    return (
        f"{name} first token {duration(one.time_to_first_token_seconds.p50)}, "
        f"{speed(one.tokens_per_second)} tokens/s, "
        f"{dollars(cost_of_a_thousand(one) or 0.0)} per 1,000 requests"
    )


def _chapters(scene: Scene) -> Table:
    table = plain_table(
        f"weight of {CANDIDATE}", "measured", f"users on {CANDIDATE}", "requests",
        "not 200", "in force after",
        numbers=("measured", "requests", "not 200", "in force after"),
    )  # fmt: skip
    waits = (None, *(move.in_force_s for move in scene.moves))
    counts = zip(scene.ledger.weights, scene.ledger.chapters, waits, strict=True)
    for weight, count, waited in counts:
        table.add_row(
            percent(weight),
            measured_percent(count.share(CANDIDATE)),
            f"{count.users(CANDIDATE)} of {len(count.met)}",
            str(count.requests),
            str(count.failed),
            "" if waited is None else duration(waited),
        )
    table.add_row("while it moved", "", "", str(scene.ledger.between), "", "")
    return table


def _kept(scene: Scene) -> Iterable[str]:
    """Give a line for each promise that was kept, with what was counted for it."""
    ledger = scene.ledger
    if not ledger.failed and not scene.cut_on_the_way:
        yield (
            f"{ledger.requests} requests, {ledger.streams} of them streams: "
            "0 failed, 0 cut on the way."
        )
    if not ledger.disagreed:
        yield ("Every answer came from the version in its header, as its body says.")
    if not ledger.moved_back:
        yield (
            f"While the weight rose {ledger.moved_on} users moved from {BASELINE} to "
            f"{CANDIDATE}, and 0 moved back."
        )
    counted = requests(scene.seen)
    if counted == ledger.requests_by_version():
        told = ", ".join(f"{name} {n}" for name, n in counted.items())
        yield f"The gateway counted the same requests as the visitors: {told}."
    if scene.agrees_with_models:
        yield "It found in the answers just what the model servers say they sent."
    if not scene.cut_on_the_way:
        yield (
            f"{ledger.outlived} answers of {CANDIDATE} were running when its weight "
            "went to 0, and ended whole."
        )


def _on_your_own() -> Iterable[tuple[str, str]]:
    yield (
        "sluicegate serve --baseline URL --candidate URL --weight 10",
        "the same in front of your own model servers",
    )
    yield (
        "curl -i http://127.0.0.1:8080/v1/models -H 'x-user-id: ada'",
        "x-sluicegate-version in the answer says who gave it",
    )
    yield "sluicegate demo --stay", "this demo, left running to be played with"


def _while_it_runs(running: Running) -> Iterable[tuple[str, str]]:
    yield (
        f"curl -iN {running.data}/v1/chat/completions -H 'x-user-id: ada' "
        "-d '{\"stream\": true}'",
        "ask as a user; the answer names its version",
    )
    yield (
        f"sluicegate weights {SERVICE} {CANDIDATE}=25 --admin {running.admin}",
        "move the weight; `sluicegate status` shows what follows",
    )
    yield f"{running.config}", "the configuration it runs on, until Ctrl-C"
