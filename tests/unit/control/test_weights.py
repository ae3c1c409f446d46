"""What weights may be asked for, and what a changed configuration does to them."""

import math
from dataclasses import replace

import pytest

from gateway.control.weights import raises, settle, share_wanted
from gateway.domain.errors import BadWeights
from gateway.domain.service import Endpoint, Service, Version
from gateway.domain.units import Share
from gateway.state.store import Change

VERSIONS = tuple(
    Version(name=name, endpoints=(Endpoint(url="http://h:1", host="h", port=1),))
    for name in ("v1", "v2", "v3")
)
CHAT = Service(
    name="chat",
    versions=VERSIONS,
    baseline="v1",
    candidate="v2",
    configured_share=Share(10_000),
)
CHANGE = Change(by="configuration", reason="", at=0.0)


@pytest.mark.parametrize(
    ("percents", "share"),
    [
        ({"v2": 25}, 25_000),
        ({"v2": 0}, 0),
        ({"v2": 100.0}, 100_000),
        ({"v2": 12.345}, 12_345),
        ({"v1": 75, "v2": 25}, 25_000),
        ({"v1": 99.999, "v2": 0.001}, 1),
        ({"v1": 100}, 0),
        ({"v2": 5, "v3": 0}, 5_000),
    ],
)
def test_weights_are_read_in_percent(percents: dict[str, object], share: int) -> None:
    """Three decimals are exact."""
    assert share_wanted(CHAT, percents) == share


@pytest.mark.parametrize(
    ("percents", "words"),
    [
        ({}, "at least one"),
        ({"v1": 75}, "add up to 75"),
        ({"v1": 75, "v2": 25.001}, "100.001"),
        ({"v2": 101}, "0 to 100"),
        ({"v2": -1}, "0 to 100"),
        ({"v2": 0.0001}, "three decimals"),
        ({"v2": math.nan}, "0 to 100"),
        ({"v2": math.inf}, "0 to 100"),
        ({"v2": 10**400}, "0 to 100"),
        ({"v2": True}, "no percentage"),
        ({"v2": "25"}, "no percentage"),
        ({"v2": None}, "no percentage"),
        ({"v3": 5}, "neither the baseline nor the candidate"),
        ({"v22": 5}, "Did you mean 'v2'?"),
    ],
)
def test_weights_that_are_no_split_are_refused(
    percents: dict[str, object], words: str
) -> None:
    """The message says what would do."""
    with pytest.raises(BadWeights) as caught:
        share_wanted(CHAT, percents)

    assert words in str(caught.value)


def test_a_live_weight_outlives_a_reload_that_says_nothing_new() -> None:
    """The same object: nothing is to be saved."""
    first = settle(CHAT, None, revision=1, change=CHANGE)
    live = replace(first, share=Share(50_000), revision=2)

    assert settle(CHAT, live, revision=3, change=CHANGE) is live


def test_a_changed_configured_weight_wins() -> None:
    """The file was edited after the operator spoke."""
    live = replace(
        settle(CHAT, None, revision=1, change=CHANGE), share=Share(50_000), revision=2
    )
    edited = replace(CHAT, configured_share=Share(20_000))

    settled = settle(edited, live, revision=3, change=CHANGE)

    assert (settled.share, settled.revision) == (20_000, 3)


def test_another_candidate_does_not_inherit_the_weight() -> None:
    """A weight belongs to a version, not to a role."""
    live = replace(
        settle(CHAT, None, revision=1, change=CHANGE), share=Share(50_000), revision=2
    )
    renamed = replace(CHAT, candidate="v3")

    settled = settle(renamed, live, revision=3, change=CHANGE)

    assert (settled.candidate, settled.share) == ("v3", 10_000)
    assert raises(settled, live)
