"""What is shown of a service with several candidates."""

import pytest

from gateway.admin.lanes import lanes_view
from tests.unit.control.release import Release
from tests.unit.control.test_lanes import Comparison, ab


def _shown(compared: Comparison) -> object:
    release = compared.release
    lanes = release.gate.lanes("chat")
    return lanes_view(lanes, release.gate, release.rollouts)["protection"]


@pytest.mark.parametrize("blind", ["chat:A", "chat:B"])
async def test_a_service_is_protected_as_its_least_protected_candidate(
    blind: str,
) -> None:
    """Of those that are on: one that has ended needs no protection."""
    compared = Comparison(Release(), ab("A", "B"))
    await compared.begins()
    assert _shown(compared) == "analysing"

    live = compared.release.moves.lives.pop(blind)
    assert _shown(compared) == "guard only"

    compared.release.moves.lives[blind] = live
    await compared.one_does(blind, "abort")
    assert _shown(compared) == "analysing"
    await compared.all_do("kill")
    assert _shown(compared) == "off"
