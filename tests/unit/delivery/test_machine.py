"""The table is the whole machine, and the README draws it."""

from itertools import groupby
from pathlib import Path

import gateway.delivery
from gateway.delivery.events import (
    CandidateGone,
    Event,
    JudgeChanged,
    Redefined,
    Ticked,
)
from gateway.delivery.machine import COMMANDS, KILLED, TABLE
from gateway.domain.rollout import Phase

README = Path(gateway.delivery.__file__).with_name("README.md")
NAMES: dict[type[Event], str] = {
    Ticked: "time and evidence",
    **{event: f"`{name}`" for event, name in COMMANDS.items()},
    Redefined: "a version is defined anew",
    JudgeChanged: "a judge changes",
    CandidateGone: "the candidate is gone from the configuration",
}
PLACES = [*Phase, KILLED]


def _drawn() -> list[str]:
    """Draw the table: one line for the places that answer an event alike."""
    lines = []
    for event, name in NAMES.items():
        rows = [(p, TABLE[p, event].to) for p in PLACES if (p, event) in TABLE]
        for to, alike in groupby(rows, key=lambda row: row[1]):
            here = ", ".join(place for place, _ in alike)
            lines.append(f"| {name} | {here} | {', '.join(to) or 'the same'} |")
    return lines


def test_the_readme_draws_the_table() -> None:
    text = README.read_text()
    drawn = [line for line in text.splitlines() if line.startswith("| ")]

    assert drawn[1:] == _drawn(), "\n".join(_drawn())


def test_every_event_has_a_name_and_every_place_a_row() -> None:
    assert {event for _, event in TABLE} == set(NAMES)
    assert {place for place, _ in TABLE} == set(PLACES)
