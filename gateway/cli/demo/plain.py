"""The demo as plain lines, for a pipe, a log or a terminal that cannot be drawn on."""

from typing import Final

from gateway.cli.demo.chapters import CANDIDATE, ROLES
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.seen import (
    cost_of_a_thousand,
    fired,
    not_complete,
    share_complete,
    share_errors,
    share_ok,
)
from gateway.cli.figures import clock, dollars, duration, measured_percent, speed

_INDENT: Final = "      "


def opening(scene: Scene) -> str:
    """Say what the chapter is about that has just begun."""
    number = f"[{scene.at + 1}/{len(scene.script.chapters)}]"
    chapter = scene.chapter
    return f"{number} {chapter.title}\n{_INDENT}" + chapter.caption.replace("\n", " ")


def progress(scene: Scene, now: float) -> str:
    """Say how it stands: the split in a line, and each version in one."""
    ledger = scene.ledger
    measured = ledger.chapters[scene.at]
    split = (
        f"{clock(now - scene.started_at)}  {CANDIDATE} wanted {scene.chapter.weight:g} %, "
        f"measured {measured_percent(measured.share(CANDIDATE))} of {len(measured.met)} "
        f"users; {ledger.requests} requests, {ledger.failed} not 200, "
        f"{scene.cut_on_the_way} cut on the way, {ledger.moved_back} moved back"
    )
    return "\n".join([split, *(_INDENT + _version(scene, name) for name in ROLES)])


def outcomes(scene: Scene, version: str) -> str:
    """Name a version's outcomes that are not complete, with their numbers."""
    found = not_complete(scene.of(version))
    return ", ".join(f"{name} {number}" for name, number in found.items())


def signals(scene: Scene, version: str) -> str:
    """Name the signals that fired for a version, with their rates."""
    found = fired(scene.of(version))
    return ", ".join(
        f"{name} {measured_percent(100.0 * share)}" for name, share in found.items()
    )


def _version(scene: Scene, name: str) -> str:
    one = scene.of(name)
    line = (
        f"{name} {one.requests} requests: {measured_percent(share_ok(one))} HTTP 200, "
        f"{measured_percent(share_complete(one))} complete, {measured_percent(share_errors(one))} errors, "
        f"1st token {duration(one.time_to_first_token_seconds.p50)}, "
        f"{speed(one.tokens_per_second)} tokens/s, "
        f"{dollars(cost_of_a_thousand(one) or 0.0)} per 1,000"
    )
    found = outcomes(scene, name)
    return f"{line}; {found}" if found else line
