"""The demo's judge reads what the gateway shows it, errs as it says, and is accounted for."""

import pytest

from gateway.cli.demo.judge import SENSITIVITY, SPECIFICITY, Caught, Reader
from gateway.cli.demo.judging import Judging, judging_in
from gateway.cli.demo.models import MODELS
from gateway.cli.demo.passages import (
    MOST,
    contradicted,
    facts_in,
    passages,
    place_in,
    question,
    year_of,
)
from gateway.evaluators.reply import open_reply
from gateway.evaluators.rubrics import RUBRICS
from gateway.evaluators.sheet import write_sheet
from gateway.handoff.samples import Texts

HALLUCINATION = RUBRICS["hallucination"]
MANY = 2000


def _answer(number: int, *, off: int = 0) -> str:
    place = place_in(question(number))
    assert place is not None
    year = year_of(place, passages(number, is_long=True))
    assert year is not None
    return MODELS[number % len(MODELS)].phrase.format(place=place, year=int(year) + off)


def _judged(reader: Reader, number: int, answer: str, *, is_long: bool) -> float:
    """Ask as the gateway does, and read the reply as it does."""
    texts = Texts(
        prompt=question(number),
        context=tuple(passages(number, is_long=is_long)),
        reference=None,
        answer=answer,
        is_cut=False,
    )
    sheet = write_sheet([HALLUCINATION], texts)
    said = open_reply(reader.reply(f"{sheet.system}\n{sheet.user}"), sheet.seal)
    return HALLUCINATION.value(said["hallucination"], sheet.passages, is_flag=True)


@pytest.mark.parametrize("is_long", [False, True])
def test_it_errs_as_often_as_it_says(is_long: bool) -> None:
    """In both ways, and in each form that the gateway can read."""
    reader = Reader()
    found = [
        _judged(reader, n, _answer(n, off=9), is_long=is_long) for n in range(MANY)
    ]
    blamed = [_judged(reader, n, _answer(n), is_long=is_long) for n in range(MANY)]
    assert sum(found) / MANY == pytest.approx(SENSITIVITY, abs=0.03)
    assert 1 - sum(blamed) / MANY == pytest.approx(SPECIFICITY, abs=0.015)
    account = reader.account
    assert account.judged == 2 * MANY
    assert account.mistaken == MANY - sum(found) + sum(blamed)


def test_it_knows_an_answer_that_was_wrong_and_what_it_had_read() -> None:
    """Of long contexts alone: the demo is about them."""
    reader = Reader()
    _judged(reader, 3, _answer(3, off=9), is_long=False)
    assert not reader.account.caught
    _judged(reader, 3, _answer(3, off=9), is_long=True)
    (passage,) = [
        p for p in passages(3, is_long=True) if str(place_in(question(3))) in p
    ]
    assert [*reader.account.caught] == [Caught(_answer(3, off=9), passage)]


def test_a_sheet_it_cannot_read_gets_no_seal() -> None:
    """So that the gateway takes it for no verdict."""
    assert Reader().reply("Hello.") == '{"seal": "", "hallucination": {}}'


def test_of_each_place_there_is_one_year_and_the_question_can_be_answered() -> None:
    """Whichever documents come along."""
    for number in range(50):
        place = place_in(question(number))
        assert place is not None
        for is_long in (False, True):
            texts = passages(number, is_long=is_long)
            assert len(texts) == (MOST if is_long else 1)
            assert year_of(place, texts) is not None
            assert all(len(years) == 1 for years in facts_in(" ".join(texts)).values())


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("Alder Lock was built in 1761.", []),
        ("Alder Lock was built in 1770. Nobody minds.", [0]),
        ("Birch Lock was built in 1770.", []),
        ("It was built in 1770.", []),
        ("Alder Lock is old.", []),
        ("", []),
    ],
)
def test_only_another_year_for_the_same_place_contradicts(
    answer: str, numbers: list[int]
) -> None:
    """What a passage says nothing of does not."""
    texts = ["Alder Lock was built in 1761. It has a keeper.", "A river runs."]
    assert list(contradicted(answer, texts)) == numbers


def test_what_the_gateway_says_of_its_judge_is_read_from_its_metrics() -> None:
    """Of this judge, and of no other; zeros where there is nothing."""
    of = 'service="chat",evaluator="judge"'
    text = "\n".join([
        "# TYPE sluicegate_evaluations_total counter",
        f'sluicegate_evaluations_total{{{of},result="judged"}} 40.0',
        f'sluicegate_evaluations_total{{{of},result="failed"}} 1.0',
        f'sluicegate_evaluations_total{{{of},result="late"}} 2.0',
        f'sluicegate_evaluations_total{{{of},result="no_room"}} 3.0',
        f'sluicegate_evaluator_tokens_total{{{of},type="input"}} 500.0',
        f'sluicegate_evaluator_tokens_total{{{of},type="output"}} 60.0',
        f"sluicegate_evaluator_cost_usd_total{{{of}}} 0.25",
        'sluicegate_evaluations_total{service="chat",evaluator="other",result="judged"} 7',
        'sluicegate_cost_usd_total{service="chat",version="v1"} 3.0',
    ])
    assert judging_in(text) == Judging(
        judged=40, failed=1, left_out=5, tokens=560, cost=0.25
    )
    assert judging_in("") == Judging()
