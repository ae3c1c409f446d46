"""The evidence, as a table wants it: a row for each metric, a column for each slice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.cli.demo.script import JUDGED, LONG, METRICS, SCORE, SEGMENT, SHORT
from gateway.cli.views import FindingView

Slice = tuple[str, str] | None
"""Of the traffic: (segment, value); None: all of it."""

SLICES: Final[Mapping[Slice, str]] = {
    None: "all",
    (SEGMENT, SHORT): "short",
    (SEGMENT, LONG): "long",
}
"""What is looked at, and what it is called on the screen."""

NAMES: Final[Mapping[str, str]] = {
    "time_to_first_token": "first token",
    JUDGED: SCORE,
}
"""Of metrics that are too long for the screen."""


_LEAST: Final = 0.05  # of a log: what is less is nothing


@dataclass(frozen=True, slots=True)
class Way:
    """A wealth on its way to its threshold; both natural logs.

    Attributes:
        log: Where it is.
        threshold: Where it has to be.

    """

    log: float
    threshold: float

    @property
    def told(self) -> str:
        """Write where it is, to a tenth."""
        return f"{self.log if abs(self.log) >= _LEAST else 0.0:.1f}"

    @property
    def part(self) -> float:
        """How far it is: 1 at the threshold, and more beyond."""
        return self.log / self.threshold

    @property
    def is_there(self) -> bool:
        """Whether the threshold was reached."""
        return self.log >= self.threshold


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one metric.

    Attributes:
        metric: Its name.
        whole: Over all traffic; None: nothing.
        proof: That the candidate is no worse than its margin, in this step.
        against: That it is worse, by slice.

    """

    metric: str
    whole: FindingView | None
    proof: Way | None
    against: Mapping[Slice, Way]

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return NAMES.get(self.metric, self.metric)


def rows(findings: Iterable[FindingView]) -> list[Row]:
    """Sort findings into the table; metrics of which nothing is known have empty rows."""
    found = list(findings)
    return [
        _row(name, [one for one in found if one.metric == name]) for name in METRICS
    ]


def threshold(table: Sequence[Row], place: Slice) -> float | None:
    """Give the lowest threshold against the candidate in a column; None: there is none."""
    ways = [row.against[place] for row in table if place in row.against]
    return min((way.threshold for way in ways), default=None)


def proof_threshold(table: Sequence[Row]) -> float | None:
    """Give what proofs have to reach; None: nothing has to be proven."""
    return next((row.proof.threshold for row in table if row.proof), None)


def _row(name: str, found: Sequence[FindingView]) -> Row:
    whole = next((one for one in found if one.segment is None), None)
    return Row(
        metric=name,
        whole=whole,
        proof=_proof(whole),
        against={
            one.segment: Way(one.log_e, one.log_threshold)
            for one in found
            if one.segment in SLICES and one.log_e is not None and one.baseline_units
        },
    )


def _proof(found: FindingView | None) -> Way | None:
    if found is None or found.log_proof is None or found.log_proof_threshold is None:
        return None
    return Way(found.log_proof, found.log_proof_threshold)
