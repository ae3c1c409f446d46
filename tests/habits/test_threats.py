"""Each line of the threat model names tests that prove it, and they are there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "gateway" / "README.md"
TITLE = "## What is trusted"
COLUMNS = 5
NAMED = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)


def _lines() -> Iterator[list[str]]:
    """Give the cells of each line of the table but its head."""
    _before, _title, text = README.read_text().partition(f"\n{TITLE}\n")
    rows = [row for row in text.partition("\n## ")[0].splitlines() if row[:1] == "|"]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if cells[0] != "who" and set(row) - set("|-"):
            yield cells


@cache
def _defined() -> frozenset[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return frozenset(
        name for file in files for name in DEFINED.findall(file.read_text())
    )


LINES = list(_lines())


def test_there_is_a_threat_model() -> None:
    assert len(LINES) > 30


@pytest.mark.parametrize(
    "cells", LINES, ids=lambda cells: f"{cells[0]}: {cells[1]:.40}"
)
def test_a_line_of_the_threat_model_is_proven_by_tests_that_exist(
    cells: list[str],
) -> None:
    assert len(cells) == COLUMNS
    assert all(cells)
    *_said, proof = cells
    named = NAMED.findall(proof)

    assert named
    assert not set(named) - _defined()
