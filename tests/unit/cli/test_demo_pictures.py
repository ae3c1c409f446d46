"""What the demo looks like, drawn from a scene that was never played."""

import io
from collections import Counter

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
from gateway.cli.views import Quantiles, SignalView, Statistics
from gateway.domain.outcome import Outcome

FLAWED = {
    Outcome.REFUSED: 24,
    Outcome.DEGENERATE: 14,
    Outcome.LENGTH: 14,
    Outcome.STREAM_ERROR: 13,
    Outcome.TRUNCATED: 12,
}


def _visit(user: int, chapter: int, ending: Ending = Ending.WHOLE) -> Visit:
    share = (30, 150, 0)[chapter]
    version = "v2" if user < share else "v1"
    return Visit(
        user=user,
        sent_step=2 * chapter,
        met_step=2 * chapter,
        ended_step=2 * chapter,
        version=version,
        claim=version,
        ending=ending,
        streamed=user % 2 == 0,
    )


def _ending(version: str, number: int) -> Ending:
    """Give the ending of the visit with this number to a version, as it was sent."""
    if version == "v2" and number < FLAWED[Outcome.TRUNCATED]:
        return Ending.CUT
    if version == "v2" and number < 12 + FLAWED[Outcome.STREAM_ERROR]:
        return Ending.BROKEN
    return Ending.WHOLE


def _statistics(sent: Counter[Outcome], first_token: float, cost: float) -> Statistics:
    requests = sent.total()
    errors = sent[Outcome.STREAM_ERROR] + sent[Outcome.TRUNCATED]
    refusal = SignalView(count=requests, mean=sent[Outcome.REFUSED] / requests)
    return Statistics(
        requests=requests,
        error_rate=errors / requests,
        duration_seconds=Quantiles(p50=0.5),
        time_to_first_token_seconds=Quantiles(p50=first_token),
        tokens_per_second=1.0 / first_token,
        cost_usd=cost * requests / 1000.0,
        cost_per_request_usd=cost / 1000.0,
        outcomes={str(outcome): number for outcome, number in sent.items()},
        codes={"200": requests},
        signals={"refusal": refusal, "output_length": SignalView(count=1, mean=60.0)},
    )


@pytest.fixture
def scene() -> Scene:
    """Give a demo that is over, and in which every user came once in each chapter."""
    ledger = Ledger([chapter.weight for chapter in FULL.chapters])
    met: Counter[str] = Counter()
    for chapter in range(3):
        for user in range(FULL.users):
            version = _visit(user, chapter).version or ""
            ledger.record(_visit(user, chapter, _ending(version, met[version])))
            met[version] += 1
    sent = {"v1": Counter({Outcome.COMPLETE: 720}), "v2": Counter(FLAWED)}
    sent["v2"][Outcome.COMPLETE] = 180 - sent["v2"].total()
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
        sent=sent,
        overheard=overheard,
        started_at=100.0,
        at=1,
        moves=moves,
        seen={
            "v1": _statistics(sent["v1"], 0.16, 0.15),
            "v2": _statistics(sent["v2"], 0.08, 0.06),
        },
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
    """And of every version what the gateway saw: a 200 each time, and yet."""
    lines = [
        " ".join(line.split())
        for line in _printed(draw(scene, 107.0, width=80, height=24))
    ]
    assert lines[0].endswith("0:07 of 0:19")
    assert any(line.startswith("weight ━") and "v2 50.0 %" in line for line in lines)
    assert any(line.startswith("measured █") and "v2 50.0 %" in line for line in lines)
    assert "v2 candidate 180 100.0 % 57.2 % 13.9 % 80 ms 12 $0.06" in lines
    assert "v1 baseline 720 100.0 % 100.0 % 0.0 % 160 ms 6.2 $0.15" in lines
    assert (
        "found v2 refused 24, degenerate 14, length 14, stream_error 13, truncated 12"
        in lines
    )
    assert "signals v2 refusal 13.3 %" in lines
    assert "v2 user-017 A lift for boats" in lines
    assert "✓ 0 not 200 ✓ 0 cut on the way ✓ 0 moved back ✓ 0 mislabelled" in lines


def test_a_wide_picture_has_the_share_of_the_requests_too(scene: Scene) -> None:
    """Of all that the gateway saw."""
    lines = _printed(draw(scene, 107.0, width=100, height=24), width=100)
    found = [" ".join(line.split()) for line in lines]
    assert "v2 candidate 180 20.0 % 100.0 % 57.2 % 13.9 % 80 ms 12 $0.06" in found


def test_before_the_gateway_was_asked_there_are_no_numbers(scene: Scene) -> None:
    """Unknown is not zero percent, and nothing found is said in words."""
    scene.seen = {}
    lines = [
        " ".join(line.split())
        for line in _printed(draw(scene, 107.0, width=80, height=24))
    ]
    assert "v2 candidate 0 - - - - - -" in lines
    assert "found nothing so far" in lines


def test_an_answer_that_broke_off_is_marked_where_it_is_quoted(scene: Scene) -> None:
    """Once it has ended; so that it does not pass for a short one."""
    quote = scene.overheard.quotes["v2"]
    quote.is_broken, quote.ended_at = True, 1.0
    lines = _printed(draw(scene, 107.0, width=80, height=24))
    assert any("A lift for boats ✂ broken off" in line for line in lines)


def test_a_low_terminal_gets_the_numbers_without_the_crowd(scene: Scene) -> None:
    """What must stay zero is the last thing to go."""
    lines = _printed(draw(scene, 107.0, width=80, height=20), height=20)
    assert len(lines) < 20
    assert any("0 moved back" in line for line in lines)


def test_what_went_wrong_is_marked_everywhere(scene: Scene) -> None:
    """On the screen, in the lines and in the summary."""
    scene.ledger.record(_visit(0, 0, Ending.CUT))

    assert any(
        "✗ 1 cut on the way" in line
        for line in _printed(draw(scene, 9.0, width=80, height=24))
    )
    assert "1 cut on the way" in plain.progress(scene, 107.0)
    told = _printed(summary(scene), width=200)
    assert (
        "✗ The visitors met 13 answers that were cut, and the model servers sent 12."
        in told
    )
    assert not any("0 failed, 0 cut" in line for line in told)


def test_a_gateway_that_counts_otherwise_than_its_visitors_is_a_problem(
    scene: Scene,
) -> None:
    """Its statistics are what will decide about a rollout one day."""
    assert scene.problems() == []
    scene.sent["v1"][Outcome.COMPLETE] -= 1
    scene.seen = {**scene.seen, "v1": _statistics(scene.sent["v1"], 0.16, 0.15)}
    assert scene.problems() == [
        "The gateway counted {'v1': 719, 'v2': 180}, the visitors {'v1': 720, 'v2': 180}."
    ]


def test_an_outcome_that_was_not_sent_is_a_problem(scene: Scene) -> None:
    """What the gateway finds is held against what the model servers say they sent."""
    scene.sent["v2"][Outcome.REFUSED] -= 1
    scene.sent["v2"][Outcome.COMPLETE] += 1
    (problem,) = scene.problems()
    assert "refused 24" in problem
    assert "refused 23" in problem
    assert not any("just what the model servers" in one for one in _told(scene))


def test_the_summary_has_the_numbers(scene: Scene) -> None:
    """One line per chapter, one per promise."""
    lines = [" ".join(line.split()) for line in _printed(summary(scene))]
    assert "10 % 10.0 % 30 of 300 300 0" in lines
    assert "50 % 50.0 % 150 of 300 300 0 4.2 ms" in lines
    assert "0 % 0.0 % 0 of 300 300 0 4.2 ms" in lines
    assert "✓ 900 requests, 450 of them streams: 0 failed, 0 cut on the way." in lines
    assert (
        "✓ It found in the answers just what the model servers say they sent." in lines
    )
    assert (
        "✓ While the weight rose 120 users moved from v1 to v2, and 0 moved back."
        in lines
    )


def test_the_summary_says_what_status_codes_did_not(scene: Scene) -> None:
    """With the numbers that the gateway measured."""
    assert _told(scene)[-1] == (
        "Every answer was a 200. The gateway counted 77 of 180 answers of v2 and 0 of 720 "
        "answers of v1 as not complete. It found in v2's: refused 24, degenerate 14, "
        "length 14, stream_error 13, truncated 12. Neither speed nor price shows it: "
        "v2 first token 80 ms, 12 tokens/s, $0.06 per 1,000 requests; v1 first token "
        "160 ms, 6.2 tokens/s, $0.15 per 1,000 requests."
    )


def test_the_summary_claims_no_200_that_was_none(scene: Scene) -> None:
    """One other status is enough."""
    scene.seen["v1"].codes["503"] = 1
    assert _told(scene)[-1].startswith("The gateway counted")


def _told(scene: Scene) -> list[str]:
    """Give the lines of the summary, unbroken."""
    return _printed(summary(scene), width=1000)


def test_what_next_names_commands_that_fit_a_line() -> None:
    """They are there to be copied."""
    lines = _printed(what_next(None))
    assert all(len(line) <= 80 for line in lines)
    assert "  sluicegate serve --baseline URL --candidate URL --weight 10" in lines


def test_lines_tell_the_same_as_the_picture(scene: Scene) -> None:
    """For a pipe."""
    assert plain.opening(scene).startswith("[2/3] The gate opens")
    assert plain.progress(scene, 107.0) == (
        "0:07  v2 wanted 50 %, measured 50.0 % of 300 users; 900 requests, 0 not 200, "
        "0 cut on the way, 0 moved back\n"
        "      v2 180 requests: 100.0 % HTTP 200, 57.2 % complete, 13.9 % errors, "
        "1st token 80 ms, 12 tokens/s, $0.06 per 1,000; refused 24, degenerate 14, "
        "length 14, stream_error 13, truncated 12\n"
        "      v1 720 requests: 100.0 % HTTP 200, 100.0 % complete, 0.0 % errors, "
        "1st token 160 ms, 6.2 tokens/s, $0.15 per 1,000"
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
