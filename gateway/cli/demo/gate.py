"""The demo's hand on the gate: the admin API, and a watch."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from gateway.cli.admin_api import AdminApi, AdminUnreachable
from gateway.cli.demo.chapters import CANDIDATE, SERVICE
from gateway.cli.demo.seen import Seen, requests
from gateway.cli.views import Receipt, ServiceView, read
from gateway.domain.errors import GatewayError, Side

_PATIENCE_S: Final = 3.0
_LOOK_S: Final = 0.1
_Answer = TypeVar("_Answer")


class GatewayLost(GatewayError):
    """The demo's own gateway does not answer any more."""

    side = Side.GATEWAY
    type = "gateway_lost"


class NotInForce(GatewayError):
    """The gateway took a weight, and some worker does not have it."""

    side = Side.GATEWAY
    type = "not_in_force"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One weight change.

    Attributes:
        weight: The candidate's new weight, in percent.
        in_force_s: From sending the PUT to its answer, which comes when every worker
            has said that it has the new weight.
        workers: How many workers that are.

    """

    weight: float
    in_force_s: float
    workers: int


class Gate:
    """The weight of the demo's service in one gateway, and what the gateway counted.

    Args:
        admin: URL of its admin API.

    """

    def __init__(self, admin: str) -> None:
        self._api = AdminApi(admin)

    async def move(self, weight: float) -> Move:
        """Set the candidate's weight, and return once it is in force everywhere.

        Raises:
            NotInForce: Some worker does not have it.
            GatewayLost, AdminRefused: It was not taken.

        """
        return await _aside(lambda: self._move(weight))

    async def seen(self) -> Seen:
        """Ask what the gateway has counted and measured, by version.

        Raises:
            GatewayLost: It does not answer.

        """
        return await _aside(self._seen)

    async def all_seen(self, expected: Mapping[str, int]) -> Seen:
        """Ask the same when all is over.

        Its workers report now and then, so it is asked again for a few seconds
        while the requests by version are not *expected*.

        Raises:
            GatewayLost: It does not answer.

        """
        deadline = time.monotonic() + _PATIENCE_S
        while requests(seen := await self.seen()) != expected:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        return seen

    def _move(self, weight: float) -> Move:
        began = time.monotonic()
        answer = self._api.set_weights(SERVICE, {CANDIDATE: weight})
        took = time.monotonic() - began
        workers = read(Receipt, answer).workers
        if not workers.are_unanimous:
            raise NotInForce(
                f"Only {workers.in_force} of {workers.configured} workers have taken "
                f"the weight {weight:g}.",
                remedy="Run it again; if it stays so, report it with what it printed.",
            )
        return Move(weight=weight, in_force_s=took, workers=workers.in_force)

    def _seen(self) -> Seen:
        view = read(ServiceView, self._api.service(SERVICE))
        return {name: version.statistics for name, version in view.versions.items()}


async def _aside(ask: Callable[[], _Answer]) -> _Answer:
    """Ask in a thread, so that nobody waits meanwhile."""
    try:
        return await asyncio.to_thread(ask)
    except AdminUnreachable as error:
        raise GatewayLost(
            "The gateway of the demo does not answer any more.",
            remedy="Run it again; if it stays so, report it with what it printed.",
        ) from error
