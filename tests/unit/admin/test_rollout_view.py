"""A rollout as JSON: what came of judging is told in words that JSON has."""

import json
from math import inf

from gateway.admin.rollout_view import _finding
from gateway.domain.verdict import Finding, Judgements, Verdict


def test_what_came_of_judging_is_part_of_its_finding() -> None:
    came = Judgements(
        sample=0.05,
        sampled=9,
        judged=7,
        failed=2,
        unsaid=0,
        is_down=False,
        log_e=0.5,
        log_threshold=inf,
        noise=None,
    )
    found = Finding(
        metric="judge:relevance",
        verdict=Verdict.UNDECIDED,
        log_threshold=8.0,
        judgements=came,
    )

    told = json.loads(json.dumps(_finding(found), allow_nan=False))

    assert told["judgements"] == {
        "sample": 0.05,
        "sampled": 9,
        "judged": 7,
        "failed": 2,
        "unsaid": 0,
        "is_down": False,
        "log_e": 0.5,
        "log_threshold": None,
        "pairs_won": 0,
        "pairs_tied": 0,
        "pairs_lost": 0,
        "controls": 0,
        "noise": None,
        "controls_won": 0,
        "served_first": 0,
        "served_second": 0,
        "shown_first": 0,
        "shown_second": 0,
        "shown_tied": 0,
        "log_e_controls": 0.0,
        "log_threshold_controls": None,
    }


def test_what_nobody_judges_has_none() -> None:
    found = Finding(metric="error_rate", verdict=Verdict.SAFE, log_threshold=8.0)

    assert _finding(found)["judgements"] is None
