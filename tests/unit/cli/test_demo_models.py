"""What the demo's model servers do: only the last of them, and only with long contexts."""

from dataclasses import replace

import pytest

from gateway.cli.demo.models import DEADLINE_S, MODELS, Model, even_spread, slowness
from gateway.cli.demo.script import BAD, LONG, SHORT
from gateway.cli.demo.visitors import asked
from tests.unit.cli.demo_scenes import configured

OLD, GOOD, WORST = MODELS
SLOWEST = slowness(1.0)


def test_the_second_is_better_than_the_first_at_everything() -> None:
    """So that it has to be promoted."""
    for old, good in ((OLD.usual, GOOD.usual), (OLD.on_long, GOOD.on_long)):
        assert good.first_token < old.first_token
        assert good.per_event < old.per_event
        assert good.made_up == old.made_up


def test_the_third_is_the_second_but_for_what_it_says_of_long_contexts() -> None:
    """Nothing that can be measured without reading is other: no time, and no length."""
    assert WORST.name == BAD
    assert WORST.usual == GOOD.usual
    assert replace(WORST.on_long, made_up=0.0) == replace(GOOD.on_long, made_up=0.0)
    assert WORST.on_long.made_up >= 50 * GOOD.on_long.made_up
    assert len(WORST.phrase.split()) == len(GOOD.phrase.split())


@pytest.mark.parametrize("model", MODELS)
def test_nobody_misses_the_deadline(model: Model) -> None:
    """An answer that is late would be an error, and the demo is about none."""
    for pace in (model.usual, model.on_long):
        assert pace.first_token * SLOWEST < DEADLINE_S


def test_times_have_the_tail_that_times_of_servers_have() -> None:
    """Half of the answers are quicker than usual, and few much slower; none endlessly."""
    times = sorted(slowness(even_spread(number)) for number in range(1000))
    assert times[500] == pytest.approx(1.0, abs=0.02)
    assert 2.5 < times[950] < 3.0
    assert 4.0 < times[-1] <= SLOWEST < 5.0


def test_the_gateway_tells_long_prompts_from_short_ones_as_the_script_does() -> None:
    """By the bytes of the request alone."""
    (segment,) = configured().services[0].segments
    assert segment.labels[1:] == (SHORT, LONG)
    for is_long in (False, True):
        for streamed in (False, True):
            body = asked(7, is_long=is_long, streamed=streamed)
            assert (len(str(body)) >= segment.edges[0]) is is_long
