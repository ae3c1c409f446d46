"""What the demo looks like, drawn from a scene that was never played."""

import io

import pytest
from rich.console import Console, RenderableType

from gateway.cli.demo import plain
from gateway.cli.demo.chapters import FAST, FULL
from gateway.cli.demo.ending import summary, what_next
from gateway.cli.demo.gate import Move
from gateway.cli.demo.ledger import Ending, Ledger, Visit
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.stage import draw
from gateway.cli.demo.strokes import bar, crowd


def _visit(user: int, chapter: int, ending: Ending = Ending.WHOLE) -> Visit:
    share = (30, 150, 0)[chapter]
    version = "v2" if user < share else "v1"
    return Visit(
        user=user,
        sent_step=2 * chapter,
        met_step=2 * chapter,
        ended_step=2 * chapter,
        seconds=0.25,
        version=version,
        claim=version,
        ending=ending,
        streamed=user % 2 == 0,
    )


@pytest.fixture
def scene() -> Scene:
    """Give a demo that is over, and in which every user came once in each chapter."""
    ledger = Ledger([chapter.weight for chapter in FULL.chapters])
    for chapter in range(3):
        for user in range(FULL.users):
            ledger.record(_visit(user, chapter))
    overheard = Overheard(lambda: 0.0)
    with overheard.listening("v2", 17) as quote:
        assert quote is not None
        quote.text = "A lift for boats"
    moves = [
        Move(weight=weight, in_force_s=0.0042, workers=2) for weight in (50.0, 0.0)
    ]
    return Scene(
        script=FULL,
        ledger=ledger,
        overheard=overheard,
        started_at=100.0,
        at=1,
        moves=moves,
        counted={"v1": 720, "v2": 180},
    )


def _printed(what: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, highlight=False)
    console.print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_picture_fits_its_terminal(scene: Scene, width: int) -> None:
    """In the 24 lines of an old terminal, and never cut at the side."""
    lines = _printed(draw(scene, 107.0, width=width, height=24), width)
    assert len(lines) <= 24
    assert max(len(line) for line in lines) <= min(width, 120)
    assert not any("…" in line for line in lines)


def test_a_picture_says_what_is_wanted_and_what_was_measured(scene: Scene) -> None:
    """And of every version: users, requests, errors, cuts, latencies."""
    lines = [
        " ".join(line.split())
        for line in _printed(draw(scene, 107.0, width=80, height=24))
    ]
    assert lines[0].endswith("0:07 of 0:19")
    assert any(line.startswith("weight ━") and "v2 50.0 %" in line for line in lines)
    assert any(line.startswith("measured █") and "v2 50.0 %" in line for line in lines)
    assert "v2 candidate 150 180 0 0 250 ms 250 ms" in lines
    assert "v1 baseline 150 720 0 0 250 ms 250 ms" in lines
    assert "v2 user-017 A lift for boats" in lines
    assert any("✓ 0 failed ✓ 0 cut ✓ 0 moved back" in line for line in lines)


def test_a_low_terminal_gets_the_numbers_without_the_crowd(scene: Scene) -> None:
    """What must stay zero is the last thing to go."""
    lines = _printed(draw(scene, 107.0, width=80, height=20), height=20)
    assert len(lines) < 20
    assert any("0 moved back" in line for line in lines)


def test_what_went_wrong_is_marked_everywhere(scene: Scene) -> None:
    """On the screen, in the lines and in the summary."""
    scene.ledger.record(_visit(0, 0, Ending.CUT))
    scene.counted["v2"] += 1

    assert any(
        "✗ 1 cut" in line for line in _printed(draw(scene, 9.0, width=80, height=24))
    )
    assert "1 cut" in plain.progress(scene, 107.0)
    assert "✗ There were answers that were cut: 1." in _printed(summary(scene))
    assert not any("0 failed, 0 cut" in line for line in _printed(summary(scene)))


def test_a_gateway_that_counts_otherwise_than_its_visitors_is_a_problem(
    scene: Scene,
) -> None:
    """Its statistics are what will decide about a rollout one day."""
    assert scene.problems() == []
    scene.counted = {"v1": 719, "v2": 180}
    assert any("The gateway counted" in problem for problem in scene.problems())


def test_the_summary_has_the_numbers(scene: Scene) -> None:
    """One line per chapter, one per promise."""
    lines = [" ".join(line.split()) for line in _printed(summary(scene))]
    assert "10 % 10.0 % 30 of 300 300 0" in lines
    assert "50 % 50.0 % 150 of 300 300 0 4.2 ms" in lines
    assert "0 % 0.0 % 0 of 300 300 0 4.2 ms" in lines
    assert "✓ 900 requests, 450 of them streams: 0 failed, 0 cut." in lines
    assert (
        "✓ While the weight rose 120 users moved from v1 to v2, and 0 moved back."
        in lines
    )


def test_what_next_names_commands_that_fit_a_line() -> None:
    """They are there to be copied."""
    lines = _printed(what_next(None))
    assert all(len(line) <= 80 for line in lines)
    assert "  sluicegate serve --baseline URL --candidate URL --weight 10" in lines


def test_lines_tell_the_same_as_the_picture(scene: Scene) -> None:
    """For a pipe."""
    assert plain.opening(scene).startswith("[2/3] The gate opens")
    assert plain.progress(scene, 107.0) == (
        "0:07  v2 wanted 50 %, measured 50.0 % of 300 users; 900 requests, 0 failed, "
        "0 cut, 0 moved back; p50 v1 250 ms, v2 250 ms"
    )


@pytest.mark.parametrize(
    ("percent", "cells"), [(0.0, 0), (0.1, 1), (50.0, 10), (99.9, 20), (100.0, 20)]
)
def test_a_bar_is_as_long_as_its_number(percent: float, cells: int) -> None:
    """And shows anything that is not nothing."""
    assert bar(percent, 20, ("█", "░")).plain == "█" * cells + "░" * (20 - cells)


def test_a_bar_without_a_number_is_empty() -> None:
    """Unknown is not zero."""
    assert bar(None, 5, ("█", "░")).plain == "·····"


def test_everybody_has_a_place_in_the_crowd_and_a_shape_by_version() -> None:
    """Rows are of one length, whatever the width; colour is not needed to read them."""
    assert crowd({0: "v1", 1: "v2", 4: "v2"}, users=6, width=4).plain == "•●·\n·●·"


def test_the_short_script_has_the_chapters_of_the_full_one() -> None:
    """So that what is tested is what is shown."""
    assert [chapter.weight for chapter in FAST.chapters] == [
        chapter.weight for chapter in FULL.chapters
    ]
    assert 15 <= FULL.seconds <= 25
    assert FAST.seconds <= 5
