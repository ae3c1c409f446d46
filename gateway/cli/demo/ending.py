"""What the demo came to: the figures once more, and what to do next."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

import yaml
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.demo import verdicts
from gateway.cli.demo.gateway_process import WORKERS, Running
from gateway.cli.demo.scene import SOON_S, Scene
from gateway.cli.demo.script import SERVICE, Act
from gateway.cli.demo.seen import requests
from gateway.cli.demo.story import Move
from gateway.cli.figures import duration, measured_percent, percent
from gateway.cli.screen import plain_table

_HUNDRED: Final = 100.0


def summary(scene: Scene) -> RenderableType:
    """Sum up: every weight with what was measured, and each promise with its figure."""
    return Group(
        Text("What happened", style="bold"),
        Text(),
        _stretches(scene),
        Text(),
        _marked(scene),
    )


def _marked(scene: Scene) -> Table:
    """Mark what was kept and what was not; a second line begins below the first."""
    lines = Table.grid(padding=(0, 1, 0, 0))
    for line in _kept(scene):
        lines.add_row(Text("✓", "green"), line)
    for line in scene.problems():
        lines.add_row(Text("✗", "bold red"), line)
    return lines


def judged_by(config: str) -> RenderableType:
    """Show what it takes in a configuration, given as text, to have answers judged."""
    chat = yaml.safe_load(config)["services"][SERVICE]
    metrics = chat["rollout"]["analysis"]["metrics"]
    shown = {
        "evaluators": chat["evaluators"],
        "rollout": {"analysis": {"metrics": metrics}},
    }
    text = yaml.safe_dump(shown, sort_keys=False, default_flow_style=None)
    lines = (f"  {line}" for line in text.splitlines())
    return Group(
        Text("What it takes in gateway.yaml", style="bold"),
        Text(),
        *(Text(line, style="dim", no_wrap=True) for line in lines),
    )


def what_next(running: Running | None) -> RenderableType:
    """Name a few things to do now; with addresses while the gateway runs on."""
    lines = [Text("What next", style="bold"), Text()]
    for command, purpose in (
        _on_your_own() if running is None else _while_it_runs(running)
    ):
        lines.append(Text(f"  {command}"))
        lines.append(Text(f"      {purpose}", style="dim"))
    return Group(*lines)


def _stretches(scene: Scene) -> Table:
    table = plain_table(
        "weight", "measured", "users on it", "lasted", "ended by",
        numbers=("measured", "lasted"),
    )  # fmt: skip
    known = scene.ledger.stretches
    for one, following in zip_longest(known, known[1:]):
        if one.weight or one.is_fall:
            table.add_row(
                f"{one.candidate} {percent(one.weight)}",
                measured_percent(one.share),
                f"{one.users:,} of {len(one.met):,}",
                f"{following.began_at - one.began_at:.1f} s" if following else "",
                _why(scene, following.began_at) if following else "",
            )
    return table


def _why(scene: Scene, at: float) -> str:
    """Say in a few words which decision ended a stretch."""
    move = next(move for move in scene.moves if move.at == at)
    if move.is_beginning:
        return "the next release"
    if move.findings:
        return _subject(move)
    proof = f"proof, {move.units or 0:,} units of {move.candidate}"
    return "the end of the bake" if move.phase == "promoted" else proof


def _subject(move: Move) -> str:
    found = move.by_the_judge or move.findings[0]
    where = "" if found.segment is None else f" where {' is '.join(found.segment)}"
    return f"{found.metric}{where}"


def _kept(scene: Scene) -> Iterable[str]:
    """Give a line for each promise that was kept, with what was measured for it."""
    for act in scene.script.acts:
        end = scene.decision(act)
        if end is not None and end.phase == act.ends_in:
            yield _caught(scene, act, end) if end.findings else _climbed(scene, act)
            if end.findings:
                yield from _over(scene, act)
                yield from verdicts.told(scene, act, end)
    yield from _nobody_noticed(scene)
    yield from _accounts(scene)
    if scene.again is not None and scene.again.is_same:
        yield f"sluicegate replay: {scene.again.told}"


def _climbed(scene: Scene, act: Act) -> str:
    units = " + ".join(
        f"{move.units:,}"
        for move in scene.moves
        if move.candidate == act.candidate and move.units and move.phase != act.ends_in
    )
    return (
        f"{act.candidate} climbed to 100 % by itself in {scene.lasted(act) or 0.0:.0f} s: "
        f"every metric proven at every weight, at odds of 20 to 1, from {units} units."
    )


def _caught(scene: Scene, act: Act, end: Move) -> str:
    worst = end.by_the_judge or end.findings[0]
    asked = scene.ledger.by_version[act.candidate]
    part = _HUNDRED * asked / max(scene.ledger.requests, 1)
    return (
        f"{act.candidate} was caught {scene.lasted(act) or 0.0:.1f} s after its start by "
        f"{_subject(end)}, from {worst.candidate_units} units, and taken back by "
        f"itself. It had answered {asked} of all requests ({part:.1f} %)."
    )


def _over(scene: Scene, act: Act) -> Iterable[str]:
    """Say how soon a rollback was over, and that it cut nothing."""
    late = scene.ledger.late
    if late is not None and late > SOON_S:
        return
    told = "none that was sent later was"
    if late is not None:
        told = f"the last one was sent {duration(late)} later, and was"
    ran = f" {scene.ledger.outlived} of its answers were running, and ended whole."
    yield (
        f"From the decision to 0 % on {WORKERS} workers: of all requests, {told} answered "
        f"by {act.candidate}.{ran if scene.ledger.outlived else ''}"
    )


def _nobody_noticed(scene: Scene) -> Iterable[str]:
    ledger = scene.ledger
    if not ledger.failed and not ledger.cut:
        yield (
            f"No client saw an error: {ledger.requests:,} requests, "
            f"{ledger.streams:,} of them streams, 0 failed, 0 cut."
        )
    if not ledger.disagreed and not ledger.moved_back:
        yield (
            "Every answer came from the version in its header, and nobody moved back "
            "while a weight rose."
        )


def _accounts(scene: Scene) -> Iterable[str]:
    counted = requests(scene.seen)
    if counted == dict(scene.ledger.by_version):
        told = ", ".join(f"{name} {n:,}" for name, n in sorted(counted.items()))
        yield f"The gateway counted what visitors and model servers counted: {told}."


def _on_your_own() -> Iterable[tuple[str, str]]:
    yield (
        "sluicegate demo --stay",
        "this demo, left running, to be asked: status, analysis, journal, replay",
    )
    yield (
        "sluicegate simulate gateway.yaml --keys-per-hour 1000",
        "how long a release of yours takes, and what it would catch how soon",
    )
    yield (
        "sluicegate serve gateway.yaml; sluicegate start SERVICE --wait",
        "the same in front of your own model servers",
    )


def _while_it_runs(running: Running) -> Iterable[tuple[str, str]]:
    there = f"--admin {running.admin}"
    yield f"sluicegate status {there}", "where the service stands"
    yield (
        f"sluicegate analysis {SERVICE} {there}",
        "the evidence, by metric and segment",
    )
    yield f"sluicegate journal {SERVICE} {there}", "what was decided, when and why"
    yield f"sluicegate replay {there}", "every decision once more, from the journal"
    yield (
        f"curl -iN {running.data}/v1/chat/completions -H 'x-user-id: ada' "
        "-d '{\"stream\": true}'",
        "ask as a user; the answer names its version",
    )
    yield f"{running.config}", "the configuration it runs on, until Ctrl-C"
