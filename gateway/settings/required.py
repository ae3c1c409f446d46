"""Segments without which no step may pass: `tenant`, or {tenant: a}."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.segment import OTHER, Segment
from gateway.settings.problem import Finding, raise_all, shown, unknown, wrong

MOST: Final = 64
_REMEDY: Final = (
    "Write the name of a segment, for all that it tells apart; or {tenant: a}, for one "
    "value of it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredSegment:
    """An entry of `require_segments`; `value` is None for all but OTHER."""

    segment: str
    value: str | None = None


def required_segment(value: object) -> RequiredSegment:
    """Read one entry. Raises Wrong."""
    if isinstance(value, str):
        return RequiredSegment(segment=value)
    if not isinstance(value, dict) or len(value) != 1:
        raise wrong(f"found {shown(value)}.", _REMEDY)
    ((segment, label),) = value.items()
    if not isinstance(label, str):
        raise wrong(f"found {shown(label)}.", "Put the value in quotes.", at=(segment,))
    return RequiredSegment(segment=segment, value=label)


def resolved(
    entries: Sequence[RequiredSegment], segments: Sequence[Segment]
) -> tuple[tuple[str, str], ...]:
    """Give (segment, value) pairs, each once, in order.

    Raises:
        Wrong: With every entry that names what is not told apart; places begin with
            its number.

    """
    known = {segment.name: segment for segment in segments}
    findings: list[Finding] = []
    pairs: list[tuple[str, str]] = []
    for place, entry in enumerate(entries):
        found = list(_strangers(entry, known))
        findings += [finding.below(place) for finding in found]
        pairs += [] if found else _pairs(entry, known[entry.segment])
    raise_all(findings)
    pairs = list(dict.fromkeys(pairs))
    if len(pairs) > MOST:
        raise wrong(
            f"found {len(pairs)} values of segments.",
            f"Write at most {MOST}: each needs units of its own.",
        )
    return tuple(pairs)


def _strangers(entry: RequiredSegment, known: dict[str, Segment]) -> Iterable[Finding]:
    segment = known.get(entry.segment)
    if segment is None:
        yield unknown(
            "segment",
            entry.segment,
            known,
            none="Declare it under `segments` of the service.",
        )
    elif entry.value is not None and entry.value not in segment.labels:
        yield unknown("value", entry.value, segment.labels, at=(entry.segment,))


def _pairs(entry: RequiredSegment, segment: Segment) -> list[tuple[str, str]]:
    if entry.value is not None:
        return [(segment.name, entry.value)]
    return [(segment.name, label) for label in segment.labels if label != OTHER]
