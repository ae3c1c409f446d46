"""What is believed of a judge's reply: one object, with the seal of the call."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evaluators.reply import LONGEST, open_reply
from gateway.evaluators.rubric import Unreadable

SEAL = "48151623"
SAID = '{"seal": "48151623", "relevance": "yes"}'


@pytest.mark.parametrize(
    "content",
    [
        SAID,
        f"  {SAID}\n",
        f"```json\n{SAID}\n```",
        f"<think>Is it {{fair}}? {{}}</think>Here it is: {SAID} I hope that helps {{}}.",
        f'{{"seal": "11111111", "relevance": "no"}} {SAID}',
        f'{SAID} {{"seal": "11111111", "relevance": "no"}}',
        f'{{"seal": "48151623", "relevance": "no"}} No: {SAID}',
        '{"seal":48151623,"relevance":"yes"}',
    ],
)
def test_the_verdict_with_the_seal_is_found(content: str) -> None:
    assert open_reply(content, SEAL) == {"relevance": "yes"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "9/10",
        '{"relevance": "yes"}',
        '{"seal": "48151624", "relevance": "yes"}',
        '{"relevance": "yes", "seal": "48151623"}',
        '{"seal": "48151623", "relevance": "yes"',
        '{"seal": "48151623", "seal": "1", "relevance": "yes"}',
        '{"seal": "48151623"' + ', "a": [' * 5_000,
        SAID + " " * LONGEST,
        "[" + SAID[:20],
    ],
)
def test_anything_else_is_no_verdict(content: str) -> None:
    with pytest.raises(Unreadable):
        open_reply(content, SEAL)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_without_the_seal_is_a_verdict(content: str) -> None:
    with pytest.raises(Unreadable):
        open_reply(content.replace(SEAL, ""), SEAL)


@settings(deadline=None)
@given(
    st.recursive(st.none() | st.text(max_size=5) | st.floats(), st.lists, max_leaves=5)
)
def test_whatever_a_judge_says_raises_nothing_else(said: object) -> None:
    content = json.dumps({"seal": SEAL, "relevance": said})

    assert [*open_reply(content, SEAL)] == ["relevance"]
