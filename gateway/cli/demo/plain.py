"""The demo as plain lines, for a pipe, a log or a terminal that cannot be drawn on."""

from collections.abc import Iterable
from typing import Final

from gateway.cli.demo import evidence, verdicts
from gateway.cli.demo.evidence import SLICES, Row, Way
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.story import Move
from gateway.cli.figures import clock, measured_percent, percent

_INDENT: Final = "      "
_TELLING: Final = 1.0  # log: below, nothing worth a word


def opening(scene: Scene) -> str:
    """Say what the act is about that has just begun."""
    number = f"[{scene.at + 1}/{len(scene.script.acts)}]"
    act = scene.act
    return f"{number} {act.title}\n{_INDENT}" + act.caption.replace("\n", " ")


def decision(scene: Scene, move: Move) -> str:
    """Say a decision in the journal's words."""
    who = move.by if move.by == "analyzer" else "by hand"
    return f"{clock(move.at - scene.started_at)}  {who}: {move.said}"


def progress(scene: Scene, now: float) -> str:
    """Say how it stands, and how far the evidence is."""
    ledger, rollout = scene.ledger, scene.rollout
    known = ledger.stretches
    is_own = bool(known) and known[-1].candidate == scene.act.candidate
    weight, share = (known[-1].weight, known[-1].share) if is_own else (0.0, None)
    where = f"{clock(now - scene.started_at)}  {rollout.phase.replace('_', ' ')}"
    if rollout.phase == "progressing":
        where += f", step {rollout.step + 1} of {len(scene.script.steps)}"
    line = (
        f"{where}: {scene.act.candidate} at {percent(weight)}, measured "
        f"{measured_percent(share)}; {ledger.requests} requests, {ledger.failed} failed, "
        f"{ledger.cut} cut, {ledger.moved_back} moved back"
    )
    more = () if scene.is_over else _evidence(scene)
    return "\n".join([line, *(_INDENT + told for told in more)])


def _evidence(scene: Scene) -> Iterable[str]:
    found = evidence.rows(scene.findings)
    proofs = [f"{row.name} {_way(row.proof)}" for row in found if row.proof]
    if proofs:
        yield f"proof of no worse (log e of log threshold): {', '.join(proofs)}"
    against = [told for row in found for told in _against(row)]
    if scene.judging.judged:
        yield verdicts.beside(scene)
    if against:
        yield f"evidence of worse: {', '.join(against)}"


def _against(row: Row) -> Iterable[str]:
    for place, name in SLICES.items():
        way = row.against.get(place)
        if way is not None and way.log >= _TELLING:
            where = "" if place is None else f" of {name} prompts"
            yield f"{row.name}{where} {_way(way)}"


def _way(way: Way) -> str:
    return f"{way.told} of {way.threshold:.1f}"
