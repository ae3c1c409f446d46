"""What the journal tells: how the releases moved, when, and by which evidence. No I/O."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway.cli.demo.ledger import Stretch
from gateway.cli.demo.script import JUDGED, LONG, SEGMENT
from gateway.cli.views import FindingView

_BEGUN: Final = "begun"
_KINDS: Final = frozenset({_BEGUN, "moved"})
_UNITS: Final = re.compile(r"\b(\d+) units of the candidate")
_LONG: Final = (SEGMENT, LONG)


class _Standing(msgspec.Struct, frozen=True):
    candidate: str


class _Body(msgspec.Struct, frozen=True):
    said: str
    phase: tuple[str, str]
    weight: tuple[float, float]
    after: _Standing
    by: str = ""
    findings: list[FindingView] = []


class _Entry(msgspec.Struct, frozen=True):
    kind: str
    unix: float
    body: _Body


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One decision.

    Attributes:
        at: When, by the clock of whoever read the journal.
        by: Who: the analyzer, or an operator.
        said: Why, in the journal's words.
        candidate: Whose release it is.
        is_beginning: The release begins with it.
        phase: That it led to.
        weight: The candidate's before and after, in percent.
        findings: What regressed; the worst first.

    """

    at: float
    by: str
    said: str
    candidate: str
    is_beginning: bool
    phase: str
    weight: tuple[float, float]
    findings: Sequence[FindingView] = ()

    @property
    def is_fall(self) -> bool:
        """Whether the candidate has less than before."""
        return not self.is_beginning and self.weight[1] < self.weight[0]

    @property
    def units(self) -> int | None:
        """Give the candidate's units that it rests on, as it says; None: it says none."""
        found = _UNITS.search(self.said)
        return None if found is None else int(found[1])

    @property
    def by_the_judge(self) -> FindingView | None:
        """What the judge found in long contexts, where that was reason enough alone."""
        own = (one for one in self.findings if one.metric == JUDGED)
        return next((one for one in own if one.segment == _LONG), None)

    @property
    def by_others(self) -> list[str]:
        """Metrics besides the judge's that were reason enough."""
        return sorted({one.metric for one in self.findings} - {JUDGED})


def moves_in(entries: Iterable[object]) -> list[Move]:
    """Read decisions from entries of the journal; blocks of counts are none.

    Raises:
        msgspec.ValidationError: An entry has another shape.

    """
    return [
        _move(msgspec.convert(entry, _Entry))
        for entry in entries
        if isinstance(entry, dict) and entry.get("kind") in _KINDS
    ]


def stretches_of(moves: Iterable[Move]) -> list[Stretch]:
    """Give the times between changes of the weight, in order."""
    return [
        Stretch(
            began_at=move.at,
            weight=move.weight[1],
            candidate=move.candidate,
            is_fall=move.is_fall,
        )
        for move in moves
        if move.is_beginning or move.weight[0] != move.weight[1]
    ]


def _move(entry: _Entry) -> Move:
    body = entry.body
    return Move(
        at=entry.unix,
        by=body.by,
        said=body.said,
        candidate=body.after.candidate,
        is_beginning=entry.kind == _BEGUN,
        phase=body.phase[1],
        weight=body.weight,
        findings=body.findings,
    )
