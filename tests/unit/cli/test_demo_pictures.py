"""What the demo looks like, drawn from scenes that were never played."""

import io

import pytest
from rich.console import Console, RenderableType

from gateway.cli.demo import plain
from gateway.cli.demo.ending import judged_by, summary, what_next
from gateway.cli.demo.gate import Again
from gateway.cli.demo.ledger import Ending
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.script import JUDGED
from gateway.cli.demo.stage import draw
from gateway.cli.demo.strokes import split, way
from tests.unit.cli.demo_scenes import (
    BEGAN,
    CAUGHT,
    PROMOTED,
    SPOKE,
    Json,
    climbing,
    entry,
    finding,
    look,
    over,
    written,
)


def _printed(what: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, highlight=False)
    console.print(what)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def _drawn(scene: Scene, width: int = 80, height: int = 24) -> list[str]:
    picture = draw(scene, BEGAN + 25, width=width, height=height)
    return [" ".join(line.split()) for line in _printed(picture, width, height)]


def _told(scene: Scene) -> list[str]:
    """Give the lines of the summary, unbroken."""
    lines = _printed(summary(scene), width=1000)
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("scene", [climbing(), over()])
@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)]
)
def test_a_picture_fits_its_terminal(scene: Scene, width: int, height: int) -> None:
    """In the 24 lines of an old terminal, and never cut at the side."""
    lines = _printed(draw(scene, BEGAN + 25, width=width, height=height), width)
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= min(width, 120)
    evidence = [line for line in lines if line.lstrip().startswith("hallucination ")]
    assert evidence
    assert not any("…" in line for line in evidence)


def test_a_picture_says_where_the_rollout_is_and_how_the_traffic_is_split() -> None:
    """As wanted, and as the visitors met it."""
    lines = _drawn(climbing())
    assert lines[0].endswith("0:25 of about 1:25")
    assert "progressing steps ✓ 5 % ● 25 % ○ 50 % ○ 100 %" in lines
    assert any(line.startswith("weight ━") and "v2 25 %" in line for line in lines)
    assert any(line.startswith("measured █") and "v2 25.0 %" in line for line in lines)
    assert "v2 candidate 40 100.0 % 0.00 % 87 ms 580 ms $0.08" in lines


def test_a_picture_has_the_evidence_on_its_way_to_its_thresholds() -> None:
    """For and against the candidate, and where nothing is known a dash."""
    lines = _drawn(climbing())
    assert "evidence no worse 3.0 worse: all 7.5 short 8.6 long" in lines
    assert "error_rate ███████ 3.4 ✓ ······· 0.0 - -" in lines
    assert "duration ······· 0.0 ······· 0.0 - -" in lines
    assert "first token ███▌··· 1.5 █▏····· 1.2 - -" in lines
    assert "hallucination ███▌··· 1.5 ······· -0.3 ▍······ 0.4 -" in lines
    assert any(line.startswith("68 users of v2, 1,425 of v1 in this") for line in lines)


def test_a_wide_picture_has_the_estimates_of_both_versions_too() -> None:
    """In the metric's own unit."""
    lines = _drawn(climbing(), 100, 30)
    assert "duration 790 ms 490 ms ······· 0.0 ······· 0.0 - -" in lines
    assert any(line.startswith("error_rate 1.00 % 2.00 %") for line in lines)


def test_a_rollback_says_by_which_slice_in_the_words_of_the_journal() -> None:
    """The threshold that was crossed is marked, and so is the step."""
    lines = _drawn(over())
    assert "rolled back steps ✗ 5 % ○ 25 % ○ 50 % ○ 100 %" in lines
    assert any(line.endswith("███████ 11.4 ✗") for line in lines)
    assert f"0:50 {CAUGHT}" in " ".join(lines)
    assert any("v3 was taken back by the gateway" in line for line in lines)


def test_of_decisions_before_the_last_there_is_a_line_each() -> None:
    """The last one is there as a whole, however low the terminal is."""
    lines = _drawn(climbing())
    assert "0:01 Begun. Step 1 of 4: weight 0 % to 5 %." in lines
    assert "2 of 4: weight 5 % to 25 %." in " ".join(lines)


def test_before_a_release_has_begun_nothing_of_the_last_one_is_shown() -> None:
    """The gateway still tells of it."""
    scene = climbing()
    scene.take(look(31, "promoted", 4, PROMOTED, metrics=(finding("duration"),)))
    scene.at = 1
    lines = _drawn(scene)
    assert "idle steps ○ 5 % ○ 25 % ○ 50 % ○ 100 %" in lines
    assert "duration - - - -" in lines
    assert "v3 0 %" in " ".join(lines)


def test_before_the_gateway_was_asked_there_are_no_numbers() -> None:
    """Unknown is not zero percent."""
    scene = climbing()
    scene.looked = None
    assert "v2 candidate 0 - - - - -" in _drawn(scene)


def test_a_tall_terminal_gets_what_is_being_answered() -> None:
    """Word by word."""
    assert "v2 user-0017 A lift for boats" in _drawn(climbing(), 100, 30)
    assert not any("A lift" in line for line in _drawn(climbing()))


def test_a_low_terminal_gets_the_numbers_without_the_journal() -> None:
    """What must stay zero is the last thing to go."""
    lines = _drawn(climbing(), height=20)
    assert len(lines) <= 20
    assert any("0 moved back" in line for line in lines)


def test_what_went_wrong_is_marked_everywhere() -> None:
    """On the screen, in the lines and in the summary."""
    scene = over()
    scene.ledger.endings[Ending.CUT] += 1

    assert any("✗ 1 cut" in line for line in _drawn(scene))
    assert "1 cut" in plain.progress(scene, BEGAN + 60)
    told = _told(scene)
    assert "✗ There were answers that were cut: 1." in told
    assert not any("No client saw an error" in line for line in told)


def test_the_summary_has_every_weight_and_what_ended_it() -> None:
    """Steps by their proof, the release by the slice that spoke."""
    lines = [" ".join(line.split()) for line in _printed(summary(over()), width=100)]
    assert "v2 5 % - 0 of 0 13.8 s proof, 155 units of v2" in lines
    assert "v2 25 % - 0 of 0 15.0 s the end of the bake" in lines
    assert "v2 100 % - 0 of 0 10.0 s the next release" in lines
    assert "v3 5 % - 0 of 0 9.0 s judge:hallucination where prompt is >=2KiB" in lines
    assert "v3 0 % - 0 of 0" in lines


def test_the_summary_has_a_figure_for_each_promise() -> None:
    """Units, seconds, and what no client saw."""
    told = _told(over())
    assert (
        "✓ v2 climbed to 100 % by itself in 29 s: every metric proven at every weight, at"
        " odds of 20 to 1, from 155 units."
    ) in told
    assert (
        "✓ v3 was caught 10.0 s after its start by judge:hallucination where prompt is"
        " >=2KiB, from 4 units, and taken back by itself. It had answered 20 of all requests"
        " (20.0 %)."
    ) in told
    assert any("none that was sent later was answered by v3" in line for line in told)
    assert any(
        "100 requests, 50 of them streams, 0 failed, 0 cut" in line for line in told
    )
    assert any(line.endswith("servers counted: v1 40, v2 40, v3 20.") for line in told)
    assert "✓ sluicegate replay: 31 entries, the chain holds." in told
    assert not any("✗" in line for line in told)


def test_a_release_that_ends_otherwise_is_a_problem() -> None:
    """And so is one that does not end."""
    scene = climbing()
    fell = entry(30, "Rolled back.", phase="rolled_back", weight=(25, 0))
    scene.take(look(31, "rolled_back", 1, fell))
    assert scene.problems()[:2] == [
        "v2 was to be promoted, and is rolled_back.",
        "The release of v3 came to no end.",
    ]


def test_the_summary_says_what_the_judge_found_and_what_reading_cost() -> None:
    """Beside figures in which there is nothing to see, and beside the cost of serving."""
    told = _told(over())
    for line in (
        "✓ No figure but the judge's gave it away: v3 had errors in 0 % of its answers, its"
        " first token after 87 ms (v2 87 ms), p95 580 ms (580 ms).",
        "✓ The judge saw it in 2.0 % of 4 judged users of v3 with long contexts, and in"
        " 1.0 % of 105 of v2: odds of 89,322 to 1.",
        "✓ It read 60 of 100 answers, beside the traffic, for $0.0005; serving took"
        " $0.006. It erred in 2 of them (3.3 %), without knowing whose they were.",
        "✓ In truth v3 contradicted its documents in 10 of 20 answers. One the judge read:"
        " “Alder Lock goes back to 1750.”; its document: “Alder Lock was built in 1741.”",
    ):
        assert line in told


def test_what_it_takes_to_have_answers_judged_is_shown() -> None:
    """As it stands in the file that the gateway ran on."""
    lines = _printed(judged_by(written()))
    assert "  evaluators:" in lines
    assert "    scores: [hallucination]" in lines
    assert "    - {signal: 'judge:hallucination'}" in [line[2:] for line in lines]
    assert all(len(line) <= 80 for line in lines)


def test_a_picture_says_what_judging_costs_beside_serving() -> None:
    """And what the judge says of long contexts, as far as it has read any."""
    assert "judge: 60 read for $0.0005, serving $0.006" in _drawn(climbing())
    (line,) = [line for line in _drawn(over()) if line.startswith("judge:")]
    assert line.endswith("; long: v3 2.0 % wrong, v2 1.0 %")


def _ended_by(*findings: Json) -> Scene:
    scene = over()
    scene.moves[-1] = scene.moves[-2]
    other = entry(
        50,
        "It regressed.",
        candidate="v3",
        phase="rolled_back",
        weight=(5, 0),
        findings=findings,
    )
    scene.take(look(61, "rolled_back", 0, other))
    return scene


def test_a_candidate_that_is_caught_by_something_else_is_a_problem() -> None:
    """The demo promises that only the judge can see it, and where."""
    assert _ended_by(finding("duration"), SPOKE).problems() == [
        "It was not the judge alone who caught v3: duration."
    ]
    assert _ended_by(finding(JUDGED)).problems() == [
        "It was not by long contexts that v3 was caught."
    ]


def test_verdicts_that_the_judge_did_not_give_are_a_problem() -> None:
    """And so are failures: the demo's judge has none."""
    scene = over()
    scene.judge.judged += 1
    assert scene.problems() == [
        "The gateway counted 60 verdicts and 0 failures of the judge, the judge 61"
        " verdicts."
    ]


def test_a_slow_way_down_is_a_problem() -> None:
    """A second after the decision it has to be over."""
    scene = over()
    scene.ledger.late = 0.9
    assert any("900 ms later" in line for line in _told(scene))
    scene.ledger.late = 1.3
    (problem,) = scene.problems()
    assert problem.startswith("Requests sent 1.3 s after the decision still went")


def test_accounts_that_differ_are_a_problem() -> None:
    """What the gateway counts is held against visitors and model servers."""
    scene = over()
    scene.sent["v1"].answers -= 1
    assert scene.problems() == [
        "The gateway counted {'v1': 40, 'v2': 40, 'v3': 20}, the visitors {'v1': 40, "
        "'v2': 40, 'v3': 20}, the model servers {'v1': 39, 'v2': 40, 'v3': 20}.",
    ]


def test_a_journal_that_leads_elsewhere_is_a_problem() -> None:
    """Every decision must come out the same again."""
    scene = over()
    scene.again = Again(told="1 differ.", is_same=False)
    assert scene.problems() == [
        "The journal does not lead to the same decisions: 1 differ."
    ]


def test_what_next_names_commands_that_fit_a_line() -> None:
    """They are there to be copied."""
    lines = _printed(what_next(None))
    assert all(len(line) <= 80 for line in lines)
    assert "  sluicegate demo --stay" in lines


def test_lines_tell_the_same_as_the_picture() -> None:
    """For a pipe."""
    scene = climbing()
    assert plain.opening(scene).startswith(
        "[1/2] A good candidate climbs by evidence\n"
    )
    begun, first = scene.moves[:2]
    assert plain.decision(scene, begun) == (
        "0:01  by hand: Attempt 1 begins: v2 against v1."
    )
    assert plain.decision(scene, first).startswith("0:01  analyzer: Begun.")
    assert plain.progress(scene, BEGAN + 25) == (
        "0:25  progressing, step 2 of 4: v2 at 25 %, measured 25.0 %; 40 requests, 0 "
        "failed, 0 cut, 0 moved back\n"
        "      proof of no worse (log e of log threshold): error_rate 3.4 of 3.0, "
        "duration 0.0 of 3.0, first token 1.5 of 3.0, hallucination 1.5 of 3.0\n"
        "      judge: 60 read for $0.0005, serving $0.006\n"
        "      evidence of worse: first token 1.2 of 7.5"
    )


def test_lines_say_no_more_of_evidence_when_all_is_decided() -> None:
    """It does not change any more."""
    assert "\n" not in plain.progress(over(), BEGAN + 60)


@pytest.mark.parametrize(
    ("percent", "cells"), [(0.0, 0), (0.1, 1), (50.0, 10), (99.9, 20), (100.0, 20)]
)
def test_a_split_is_as_long_as_its_number(percent: float, cells: int) -> None:
    """And shows anything that is not nothing."""
    drawn = split(percent, 20, ("█", "░")).plain
    assert drawn == "█" * cells + "░" * (20 - cells)


def test_a_split_without_a_number_is_empty() -> None:
    """Unknown is not zero."""
    assert split(None, 5, ("█", "░")).plain == "·····"


@pytest.mark.parametrize(
    ("part", "drawn"),
    [(-1.0, "····"), (0.0, "····"), (0.1, "▍···"), (0.5, "██··"), (2.0, "████")],
)
def test_a_way_is_drawn_to_an_eighth_and_no_further_than_its_end(
    part: float, drawn: str
) -> None:
    """What is below nothing is drawn as nothing."""
    assert way(part, 4, "green").plain == drawn
