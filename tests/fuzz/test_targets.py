"""Every target takes its seeds, and what a fuzzer found, and a few nearby."""

from random import Random

import pytest

from tests.fuzz.found import FOUND
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

NEARBY = 60


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_keeps_its_promise_on_seeds_and_found_cases(name: str) -> None:
    target = TARGETS[name]
    for data in (b"", b"\x00", *seeds(name), *FOUND.get(name, ())):
        target(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_keeps_its_promise_near_its_seeds(name: str) -> None:
    dice = Random(name)
    for _ in range(NEARBY):
        data = bytearray(dice.choice(seeds(name)))
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        TARGETS[name](bytes(data))
