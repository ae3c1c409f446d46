"""One alpha, shared out before anything is seen."""

from dataclasses import replace
from math import exp, inf, log, pi
from typing import Any

import pytest

from gateway.analysis.counts import FRESH, PAIRS
from gateway.analysis.design import Design, Kind, Metric
from gateway.analysis.ladder import LADDER
from gateway.analysis.shares import (
    RESERVE,
    cell_shares,
    designed_for,
    examination_part,
    log_threshold,
    log_threshold_of,
    window_part,
)
from gateway.domain.rollout import OnFailure

_CELLS = (("size", "small"), ("size", "large"), ("tenant", "a"), ("tenant", "b"))


def _design(**changes: Any) -> Design:
    metrics = tuple(
        Metric(name=kind, signal=kind, kind=kind, share=0.3, margins=LADDER[kind])
        for kind in Kind
    )
    shares = cell_shares([3, 1, 2], [OnFailure.ROLLBACK] * 3, _CELLS)
    design = Design(metrics=metrics, cells=_CELLS, cell_shares=shares, windows=7)
    return replace(design, **changes)


def test_all_parts_of_one_answer_add_up_to_what_is_not_kept_back() -> None:
    answers = [OnFailure.ROLLBACK, OnFailure.WARN, OnFailure.ROLLBACK, OnFailure.PAUSE]
    shares = cell_shares([3, 0.5, 1, 9], answers, _CELLS)
    for answer in OnFailure:
        mine = [sum(s) for s, a in zip(shares, answers, strict=True) if a is answer]
        assert sum(mine) == pytest.approx(1 - RESERVE)


def test_a_warning_takes_nothing_from_a_rollback() -> None:
    alone = cell_shares([3], [OnFailure.ROLLBACK], ())
    beside = cell_shares([3, 50], [OnFailure.ROLLBACK, OnFailure.WARN], ())
    assert beside[0] == alone[0]


def test_importance_shares_and_half_goes_to_segments() -> None:
    (first, second) = cell_shares([3, 1], [OnFailure.ROLLBACK] * 2, _CELLS[:3])
    assert first[0] == pytest.approx(3 * second[0])
    assert first[0] == pytest.approx(sum(first[1:]))
    assert first[3] == pytest.approx(first[1] + first[2])  # each segment gets the same


def test_without_segments_all_of_it_is_for_the_whole() -> None:
    assert cell_shares([2], [OnFailure.PAUSE], ()) == ((1 - RESERVE,),)


def test_nothing_that_can_ever_act_has_more_than_alpha_in_all() -> None:
    """In one examination after another, over all that may ever begin."""
    examinations = [examination_part(number) for number in range(1, 200_000)]
    for pairs_part in (0.0, 0.25):
        design = _design(pairs_part=pairs_part)
        windows = sum(window_part(design, place) for place in range(200_000))
        whole = 0.0
        for metric in range(3):
            for cell in range(5):
                whole += exp(-log_threshold(design, metric, cell, FRESH))
                whole += exp(-log_threshold(design, metric, cell, PAIRS))
                whole += design.alpha * design.cell_shares[metric][cell] * windows
        assert whole * sum(examinations) <= design.alpha
        assert whole * sum(examinations) == pytest.approx(design.alpha, rel=1e-4)


def test_an_ordinary_examination_loses_nothing_by_those_that_may_follow() -> None:
    design = _design()
    assert designed_for(design, 1) == design


def test_each_examination_from_nothing_has_less_than_the_one_before() -> None:
    parts = [examination_part(number) for number in range(1, 12)]
    assert parts == sorted(parts, reverse=True)
    assert parts[10] > 0
    later = designed_for(_design(), 3)
    assert later.alpha == pytest.approx(0.01 * 0.05 / 0.95 * 6 / (pi * 2) ** 2)
    assert later.sample_ratio_alpha == pytest.approx(later.alpha / 10)
    assert replace(later, alpha=0.01, sample_ratio_alpha=0.001) == _design()


def test_windows_that_were_planned_share_half_alike_and_others_get_ever_less() -> None:
    design = _design()
    parts = [window_part(design, place) for place in range(12)]
    assert parts[:7] == [0.5 / 7] * 7
    assert parts[7:] == sorted(parts[7:], reverse=True)
    assert parts[11] > 0


def test_no_part_is_never_reached() -> None:
    assert log_threshold(_design(), 0, 0, PAIRS) == inf


def test_amounts_are_not_judged_by_pairs_and_keep_their_half() -> None:
    design = _design(pairs_part=0.25)
    assert log_threshold(design, 2, 0, PAIRS) == inf
    share = design.cell_shares[2][0]
    assert log_threshold(design, 2, 0, FRESH) == pytest.approx(
        -log(design.alpha * share / 2)
    )


def test_half_of_a_share_costs_ln_2() -> None:
    design = _design()
    assert log_threshold_of(design, 0, 0, 0.25) - log_threshold_of(
        design, 0, 0, 0.5
    ) == pytest.approx(log(2))


def test_feedback_has_no_windows_and_its_fresh_process_has_their_part() -> None:
    usual = _design()
    praised = replace(usual.metrics[0], signal="feedback:thumbs_down")
    late = replace(usual, metrics=(praised, *usual.metrics[1:]), pairs_part=0.25)

    assert log_threshold(late, 0, 0, FRESH) == pytest.approx(
        log_threshold(usual, 0, 0, FRESH) - log(2)
    )
    assert log_threshold(late, 0, 0, PAIRS) == inf
