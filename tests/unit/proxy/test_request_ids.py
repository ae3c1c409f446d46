"""Request ids are UUIDs: there are servers that refuse any other."""

from random import Random
from uuid import UUID

from gateway.proxy.request_ids import RequestIds


def test_each_is_a_uuid_of_its_own() -> None:
    ids = RequestIds(Random(1))

    made = [ids.new().decode() for _ in range(1_000)]

    assert [str(UUID(each)) for each in made] == made
    assert {UUID(each).version for each in made} == {4}
    assert len({*made}) == len(made)


def test_two_workers_make_others() -> None:
    assert RequestIds(Random(1)).new() != RequestIds(Random(2)).new()
