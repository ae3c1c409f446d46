"""What every rubric owes, held against the registry: a new one is tested by being listed."""

import re
from dataclasses import replace
from importlib import import_module
from itertools import product
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.rollout import Worse
from gateway.evaluators.plugs import judge_of
from gateway.evaluators.rubric import EachPassage, Items, Rubric, Unreadable
from gateway.evaluators.rubrics import RUBRICS
from loadtest.judge_server import judging
from loadtest.judge_truth import marked
from tests.unit.evaluators.exchanges import ANSWER, exchange, llm

ROOT = Path(__file__).parents[2]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=7), inner),
    max_leaves=8,
)


@pytest.fixture(params=RUBRICS.values(), ids=list(RUBRICS))
def rubric(request: pytest.FixtureRequest) -> Rubric:
    """Each rubric of the registry."""
    found: Rubric = request.param
    return found


def said(rubric: Rubric, verdicts: tuple[str, ...]) -> object:
    """Write verdicts down in a rubric's form."""
    match rubric.form:
        case Items():
            return [{"what": "it", "verdict": verdict} for verdict in verdicts]
        case EachPassage():
            return {str(n): verdict for n, verdict in enumerate(verdicts, 1)}
        case _:
            return verdicts[0]


def test_it_is_listed_under_its_own_name_in_a_module_of_that_name(
    rubric: Rubric,
) -> None:
    module = import_module(f"gateway.evaluators.rubrics.{rubric.name}")

    assert getattr(module, rubric.name.upper()) is rubric
    assert module.__doc__


def test_it_is_documented(rubric: Rubric) -> None:
    text = (ROOT / "gateway" / "evaluators" / "README.md").read_text()

    assert re.search(rf"^\| `{rubric.name}` \|", text, re.MULTILINE)


def test_a_configuration_knows_the_same_scores() -> None:
    known = pytest.importorskip("gateway.settings.scores").KNOWN

    assert {name: rubric.score for name, rubric in RUBRICS.items()} == {**known}


def test_whatever_the_verdicts_the_count_is_from_0_to_1(rubric: Rubric) -> None:
    for verdicts in product(rubric.form.verdicts, repeat=3):
        value = rubric.value(said(rubric, verdicts), 3, is_flag=False)
        flag = rubric.value(said(rubric, verdicts), 3, is_flag=True)

        assert 0.0 <= value <= 1.0
        assert flag in {0.0, 1.0}


def test_what_its_schema_takes_can_be_read(rubric: Rubric) -> None:
    schema = jsonschema_rs.validator_for(rubric.form.schema(3))
    for verdicts in product(rubric.form.verdicts, repeat=3):
        document = said(rubric, verdicts)

        assert schema.is_valid(document)
        assert rubric.form.read(document, 3)


@settings(deadline=None)
@given(document=ANY_JSON)
def test_what_its_schema_does_not_take_is_no_verdict(document: object) -> None:
    for rubric in RUBRICS.values():
        if jsonschema_rs.is_valid(rubric.form.schema(2), document):
            continue
        with pytest.raises(Unreadable):
            rubric.form.read(document, 2)


def test_its_own_example_is_no_verdict(rubric: Rubric) -> None:
    """A judge that repeats the form it was shown has said nothing."""
    with pytest.raises(Unreadable):
        rubric.form.read(rubric.form.example(2), 2)


def test_nor_is_its_example_with_one_of_the_words_chosen() -> None:
    """Small models do that, for every answer: gemma-3-270m in loadtest/real_model.md."""
    for rubric in RUBRICS.values():
        match rubric.form.example(2):
            case [dict(example)]:
                for word in rubric.form.verdicts:
                    with pytest.raises(Unreadable):
                        rubric.form.read([{**example, "verdict": word}], 2)
            case _:
                pass  # its verdicts name nothing


@pytest.mark.parametrize("is_flag", [False, True])
async def test_all_of_its_worst_is_worse_than_all_of_its_best(
    rubric: Rubric, is_flag: bool
) -> None:
    described = llm("", rubric.name)
    async with judging() as server:
        score = replace(rubric.score, is_flag=is_flag)
        judge = judge_of(replace(described, url=f"{server.url}/v1", scores=(score,)))
        best = (await judge.judge(exchange())).scores[rubric.name]
        worst = (await judge.judge(exchange(marked(ANSWER, rubric.name)))).scores[
            rubric.name
        ]
        await judge.close()

    assert best is not None
    assert worst is not None
    assert (worst > best) is (rubric.score.worse is Worse.HIGHER)
    assert not is_flag or {worst, best} == {0.0, 1.0}


def test_it_says_nothing_without_what_it_needs(rubric: Rubric) -> None:
    bare = exchange(prompt=None, context=(), reference=None)

    assert rubric.can_judge(exchange())
    assert rubric.can_judge(bare) is not bool(rubric.needs)
    assert not rubric.can_judge(exchange(None))
