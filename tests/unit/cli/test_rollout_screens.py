"""What the commands of a rollout print, and with which code they leave."""

import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console

from gateway.cli import rollout
from gateway.cli.admin_api import AdminApi, AdminRefused, AdminUnreachable
from gateway.cli.analysis import alone, bar, heading, table_of
from gateway.cli.journal import line as journal_line
from gateway.cli.replay import line as replay_line
from gateway.cli.replay import summary
from gateway.cli.rollout import told
from gateway.cli.views import Acted, Analysed, EntryView, RolloutView, analysed, read
from gateway.control.replay import Replayed

Json = dict[str, Any]

WORKERS = {"configured": 2, "connected": 2, "in_force": 2}
ON: Json = {
    "phase": "paused",
    "pause_reason": "operator",
    "attempt": 1,
    "candidate": "v2",
    "step": 1,
    "steps": [{"setWeight": {"percent": 5}}, {"setWeight": {"percent": 50}}],
    "weight": 50.0,
}
ANALYSED: Json = {
    "service": "chat",
    "rollout": ON,
    "unit": "request",
    "evidence": {"sampled": 0.5, "age_seconds": 3.0},
    "assessment": {
        "units_in_step": {"baseline": 40, "candidate": 38},
        "integrity": "The split is not as tossed.",
        "units_needed": 120,
    },
    "metrics": [
        {
            "metric": "error_rate",
            "verdict": "undecided",
            "log_e": 2.0,
            "log_threshold": 8.0,
            "baseline": 0.01,
            "candidate": 0.0312,
            "log_proof": -1.0,
            "log_proof_threshold": 3.0,
            "baseline_units": 40,
            "candidate_units": 38,
        },
        {
            "metric": "error_rate",
            "segment": ["tenant", "[/bold]"],
            "verdict": "no_data",
            "log_threshold": 9.0,
        },
    ],
}


def _acted(**more: object) -> Acted:
    return read(
        Acted,
        {
            "service": "chat",
            "said": "Paused by hand at 50 %.",
            "rollout": ON,
            "weights": {"v1": 50, "v2": 50},
            "workers": WORKERS,
            "durable": True,
            **more,
        },
    )


def test_an_action_tells_what_was_done_and_what_is_in_force() -> None:
    assert told(_acted()) == (
        "chat: Paused by hand at 50 %.\n"
        "paused; v1 50 %, v2 50 %; in force on 2 of 2 workers"
    )


def test_what_should_be_known_comes_first_and_what_will_not_last_comes_last() -> None:
    lines = told(_acted(notes=["v1 is ill."], durable=False)).splitlines()

    assert lines[0] == "v1 is ill."
    assert lines[-1] == "It could not be stored, so a restart would undo it."


def test_of_several_candidates_each_is_told() -> None:
    lanes = [
        {"name": "chat:A", "said": "Killed."},
        {"name": "chat:B", "said": "It is so already.", "error": "not_allowed_now"},
    ]

    assert told(_acted(rollout=None, lanes=lanes)) == (
        "chat:A: Killed.\n"
        "chat:B: It is so already.\n"
        "v1 50 %, v2 50 %; in force on 2 of 2 workers"
    )


def test_several_candidates_are_read_one_by_one() -> None:
    """And a service with one as it always was."""
    lanes = [{**ANALYSED, "service": name, "alpha": 0.005} for name in ("c:A", "c:B")]
    several = {"service": "c", "rollout": None, "alpha": 0.01, "lanes": lanes}

    assert [alone(view) for view in analysed(several)] == [
        "c:A, alpha 0.005 of its own",
        "c:B, alpha 0.005 of its own",
    ]
    assert analysed(ANALYSED) == [read(Analysed, ANALYSED)]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "paused (operator), step 2 of 2 (setWeight), candidate at 50 %"),
        (
            {"killed": True, "pause_reason": None, "step": 2},
            "killed, candidate at 50 %",
        ),
        (
            {"phase": "baking", "pause_reason": None, "step": 2, "weight": 95},
            "baking, candidate at 95 %",
        ),
        (
            {
                "phase": "rolled_back",
                "pause_reason": None,
                "step": 2,
                "weight": 0,
                "drain_left_seconds": 59.2,
            },
            "rolled_back, candidate at 0 %, draining: conversations on it have 60 s left",
        ),
    ],
)
def test_where_it_stands_is_one_line(changed: Json, line: str) -> None:
    assert read(RolloutView, {**ON, **changed}).line() == line


def test_the_table_has_a_row_for_each_metric_and_segment() -> None:
    """What a segment's value is called is no markup."""
    out = io.StringIO()

    Console(file=out, width=200).print(table_of(read(Analysed, ANALYSED)))

    rows = [row.split() for row in out.getvalue().splitlines()]
    assert rows[1][:4] == ["error_rate", "undecided", "0.01", "0.0312"]
    assert rows[2][:4] == ["error_rate", "·", "tenant=[/bold]", "no_data"]
    assert rows[2][4:] == ["-", "-", "-", "-", "0/0"]


@pytest.mark.parametrize(
    ("came", "line"),
    [
        (
            {"sampled": 40, "judged": 30, "failed": 4, "unsaid": 1},
            "judge:relevance: 30 of 40 samples judged (4 failed, 1 unsaid, 5 not asked),"
            " 5.0% of the keys are sampled",
        ),
        (
            {
                "sampled": 40,
                "judged": 40,
                "controls": 9,
                "noise": 0.0314,
                "controls_won": 3,
                "served_first": 2,
                "served_second": 1,
            },
            "judge:relevance: 40 of 40 samples judged, 5.0% of the keys are sampled;"
            " the baseline differs from itself by 0.031: one of its two answers was better"
            " in 3 of 9 control pairs (the client's in 2, the copy's in 1)",
        ),
        (
            {
                "sampled": 40,
                "judged": 40,
                "controls": 9,
                "noise": 0.25,
                "pairs_won": 9,
                "pairs_tied": 20,
                "pairs_lost": 11,
                "controls_won": 6,
                "served_first": 3,
                "served_second": 3,
                "shown_first": 5,
                "shown_second": 1,
                "shown_tied": 3,
            },
            "judge:relevance: 40 of 40 samples judged, 5.0% of the keys are sampled;"
            " the candidate's answer was better in 9 of 40 pairs, the baseline's in 11;"
            " the baseline differs from itself by 0.250: one of its two answers was better"
            " in 6 of 9 control pairs (the client's in 3, the copy's in 3; the one shown"
            " first in 5, second in 1)",
        ),
        (
            {"sampled": 40, "judged": 0, "failed": 40, "is_down": True},
            "judge:relevance: 0 of 40 samples judged (40 failed), 5.0% of the keys are"
            " sampled. The judge is down: it only fails.",
        ),
    ],
)
def test_the_heading_says_what_came_of_judging(came: Json, line: str) -> None:
    """What nobody could judge decides nothing, and is not to be missed."""
    score = {
        **ANALYSED["metrics"][0],
        "metric": "judge:relevance",
        "judgements": {"sample": 0.05, **came},
    }
    view = read(Analysed, {**ANALYSED, "metrics": [score]})

    assert heading(view)[-1] == line


def test_the_heading_says_what_the_table_rests_on() -> None:
    assert heading(read(Analysed, ANALYSED)) == [
        "evidence by request: 38 candidate and 40 baseline units in this step;"
        " last 3 s ago",
        "only 50.0% of the keys are looked at",
        "integrity: The split is not as tossed.",
        "about 120 more candidate units to proof",
    ]
    found = {
        part: heading(read(Analysed, {**ANALYSED, "evidence": {"split_checked": part}}))
        for part in (1.0, 0.25, 0.0)
    }
    assert not [line for line in found[1.0] if "split is checked" in line]
    assert found[0.25][1] == "the split is checked on 25.0% of the keys"
    assert found[0.0][1] == (
        "the split is checked on no key any more: some were not told of"
    )
    dry: Json = {**ANALYSED["assessment"], "shortage": "All 78 keys were seen."}
    assert heading(read(Analysed, {**ANALYSED, "assessment": dry}))[-1] == (
        "All 78 keys were seen."
    )
    pairs: Json = {**ANALYSED["assessment"], "is_mirrored": True}
    assert heading(read(Analysed, {**ANALYSED, "assessment": pairs}))[0] == (
        "evidence by mirrored requests: 38 pairs in this step; last 3 s ago"
    )
    assert heading(read(Analysed, {"service": "chat", "rollout": ON})) == []


def test_the_heading_says_from_when_it_is_and_which_examination() -> None:
    at = "2026-11-25T16:34:28.000+00:00"
    more = {"as_of": at, "examination": 2, "alpha": 0.000319}

    told = heading(read(Analysed, {**ANALYSED, **more}))

    assert told[1:3] == [
        f"as it was known at the end, {at}",
        "examination 2 of this attempt: it began from nothing, and has an alpha of"
        " 0.00032",
    ]


def test_the_heading_says_what_is_compared_and_which_halves_are_missing() -> None:
    assessment: Json = {**ANALYSED["assessment"], "lost_pairs": 3, "stopped_pairs": 2}
    told = "Nothing is left to compare with: it is not protected by alpha."
    rollout: Json = {**ANALYSED["rollout"], "compared": told}
    view = {**ANALYSED, "assessment": assessment, "rollout": rollout}
    assert heading(read(Analysed, view))[1:4] == [
        told,
        "pairs with a half that was lost: 3, counted as what is worst for each verdict",
        "pairs that a worker's end cut off: 2, no evidence",
    ]


@pytest.mark.parametrize(
    ("log", "threshold", "drawn"),
    [
        (None, 8.0, "-"),
        (2.0, None, "-"),
        (2.0, 0.0, "-"),
        (-3.0, 8.0, ".......... 0.0498 of 2,981"),
        (4.0, 8.0, "#####..... 54.6 of 2,981"),
        (9.0, 8.0, "########## 8,103 of 2,981"),
        (900.0, 8.0, "########## > 1e9 of 2,981"),
        (-900.0, 8.0, ".......... 0 of 2,981"),
    ],
)
def test_a_bar_is_the_way_to_the_threshold(
    log: float | None, threshold: float | None, drawn: str
) -> None:
    assert bar(log, threshold) == drawn


def _entry(kind: str, body: Json | None, service: str | None = "chat") -> EntryView:
    entry = {"seq": 3, "at": "2026-01-01T00:00:00.000+00:00", "kind": kind}
    return read(EntryView, {**entry, "service": service, "body": body})


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        (
            "moved",
            {"said": "Aborted by hand.", "by": "ann", "reason": "odd"},
            "moved by ann: Aborted by hand. (odd)",
        ),
        (
            "begun",
            {"said": "Attempt 1 begins.", "by": "ci"},
            "by ci: Attempt 1 begins.",
        ),
        ("left_out", {"blocks": 7}, "7 blocks of counts found no room"),
        ("block", {"number": 9}, "counts of block 9"),
        ("block", None, "its counts were taken out"),
    ],
)
def test_every_entry_of_the_journal_is_a_sentence(
    kind: str, body: Json | None, told: str
) -> None:
    written = journal_line(_entry(kind, body))

    assert written.startswith("2026-01-01T00:00:00.000+00:00  chat  ")
    assert told in written


def _made(**more: Any) -> Replayed:
    return Replayed(seq=4, service="chat", said="Rolled back.", **more)


def test_a_decision_that_was_made_again_is_a_line() -> None:
    assert replay_line(_made()) == "same    4 chat: Rolled back."
    assert replay_line(_made(is_open=True)) == "open    4 chat: Rolled back."
    differs = replay_line(_made(again="nothing happened"))
    assert differs == "DIFFERS 4 chat: Rolled back. | now: nothing happened"


def test_the_summary_says_whether_all_is_as_it_was_decided() -> None:
    good = summary(9, None, [_made(), _made(is_open=True)])
    bad = summary(9, 5, [_made(again="no")])

    assert "9 entries, the chain holds; 2 decisions made again" in good
    assert "all came out the same; 1 rest on counts that are not" in good
    assert "the chain breaks at entry 5" in bad
    assert "1 differ" in bad


class _Scripted(AdminApi):
    """Answers each question with the next of its answers."""

    def __init__(self, *answers: Json | Exception) -> None:
        super().__init__("127.0.0.1:1")
        self._answers: Iterator[Json | Exception] = iter(answers)

    def analysis(self, name: str) -> object:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return {"service": name, "rollout": {**ON, **answer}}


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "_LOOK_EVERY_S", 0.0)


def _waited(*answers: Json | Exception) -> int:
    with pytest.raises(typer.Exit) as left:
        rollout._wait(_Scripted(*answers), "chat", as_json=False)
    return left.value.exit_code


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({"phase": "promoted"}, 0),
        ({"phase": "rolled_back"}, 1),
        ({"phase": "aborted"}, 1),
        ({"killed": True}, 1),
    ],
)
def test_waiting_leaves_with_what_became_of_it(
    end: Json, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each change is told once, and a pause is no end."""
    on = {"phase": "progressing", "pause_reason": None}

    assert _waited(on, on, {}, {}, on, end) == code

    assert len(capsys.readouterr().out.splitlines()) == 4


@pytest.mark.usefixtures("_quick")
def test_waiting_goes_on_while_a_gateway_restarts() -> None:
    gone = AdminUnreachable("Nobody.", remedy="Wait.")

    assert _waited(gone, gone, {"phase": "promoted"}) == 0


@pytest.mark.usefixtures("_quick")
def test_waiting_ends_when_the_gateway_stays_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments: Callable[[], float] = iter([0.0, 1.0, 31.0]).__next__
    clock = SimpleNamespace(monotonic=moments, sleep=lambda _seconds: None)
    monkeypatch.setattr(rollout, "time", clock)
    gone = AdminUnreachable("Nobody.", remedy="Wait.")

    with pytest.raises(AdminUnreachable):
        rollout._wait(_Scripted(gone, gone), "chat", as_json=False)


@pytest.mark.usefixtures("_quick")
def test_what_the_gateway_refuses_ends_the_waiting() -> None:
    with pytest.raises(AdminRefused):
        rollout._wait(_Scripted(AdminRefused(403, "No.")), "chat", as_json=False)
