"""The demo as plain lines, for a pipe, a log or a terminal that cannot be drawn on."""

from gateway.cli.demo.chapters import BASELINE, CANDIDATE
from gateway.cli.demo.scene import Scene
from gateway.cli.figures import clock, duration, measured_percent


def opening(scene: Scene) -> str:
    """Say what the chapter is about that has just begun."""
    number = f"[{scene.at + 1}/{len(scene.script.chapters)}]"
    chapter = scene.chapter
    return f"{number} {chapter.title}\n      " + chapter.caption.replace("\n", " ")


def progress(scene: Scene, now: float) -> str:
    """Say how it stands, in one line."""
    ledger = scene.ledger
    measured = ledger.chapters[scene.at]
    latencies = ", ".join(
        f"{name} {duration(ledger.versions[name].quantile(0.5))}"
        for name in (BASELINE, CANDIDATE)
    )
    return (
        f"{clock(now - scene.started_at)}  {CANDIDATE} wanted {scene.chapter.weight:g} %, "
        f"measured {measured_percent(measured.share(CANDIDATE))} of {len(measured.met)} users; "
        f"{ledger.requests} requests, {ledger.failed} failed, {ledger.cut} cut, "
        f"{ledger.moved_back} moved back; p50 {latencies}"
    )
