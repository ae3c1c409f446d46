"""The demo's hand on the gate: the admin API, and nothing else."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from time import time as unix  # ruff: ignore[banned-api]: the journal is in it
from typing import Final, TypeVar

from gateway.cli.admin_api import AdminApi, AdminUnreachable
from gateway.cli.demo.judging import Judging, judging
from gateway.cli.demo.script import SERVICE
from gateway.cli.demo.seen import Seen, requests
from gateway.cli.replay import all_entries, summary
from gateway.cli.views import Analysed, JournalPage, ServiceView, read
from gateway.control.replay import Replay
from gateway.domain.errors import GatewayError, Side
from gateway.state.journal import first_break

_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.1
_PAGE: Final = 1000
_Answer = TypeVar("_Answer")


class GatewayLost(GatewayError):
    """The demo's own gateway does not answer any more."""

    side = Side.GATEWAY
    type = "gateway_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the gateway said at one moment.

    Attributes:
        at: When it was asked, monotonic: all that was decided before is in it.
        service: The service.
        analysed: What is known of its rollout.
        entries: Of the journal, those that are new since the last look.
        judging: What judging came to.

    """

    at: float
    service: ServiceView
    analysed: Analysed
    entries: list[dict[str, object]]
    judging: Judging = Judging()


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What came of making every decision again from the journal.

    Attributes:
        told: In a sentence.
        is_same: Whether all came out the same, and the chain of entries holds.

    """

    told: str
    is_same: bool


class Gate:
    """The demo's service in one gateway.

    Args:
        admin: URL of its admin API.

    """

    def __init__(self, admin: str) -> None:
        self.api = AdminApi(admin)
        self._read_to = 0

    async def start(self) -> None:
        """Start the rollout.

        Raises:
            GatewayLost, AdminRefused: It was not started.

        """
        await aside(lambda: self.api.act(SERVICE, "start", reason="the demo began"))

    async def reload(self) -> None:
        """Let the gateway read its file again.

        Raises:
            GatewayLost, AdminRefused: It was not taken.

        """
        await aside(self.api.reload)

    async def look(self) -> Look:
        """Ask where everything stands.

        Raises:
            GatewayLost: It does not answer.

        """
        return await aside(self._look)

    async def all_seen(
        self, expected: Mapping[str, int], judged: Callable[[], int]
    ) -> Look:
        """Ask the same when all is over.

        Its workers report now and then, and verdicts come later than answers, so it is
        asked again for a few seconds while the requests by version are not *expected*,
        or the verdicts not *judged*.

        Raises:
            GatewayLost: It does not answer.

        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            look = await self.look()
            is_all = requests(seen_in(look)) == expected
            if is_all and look.judging.judged == judged():
                break
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        return look

    async def replay(self) -> Again:
        """Make every decision again from the journal.

        Raises:
            GatewayLost: It does not answer.

        """
        return await aside(self._replay)

    def _replay(self) -> Again:
        entries = list(all_entries(self.api))
        broken = first_break(entries)
        made = list(Replay().all_of(entries))
        return Again(
            told=summary(len(entries), None if broken is None else broken.seq, made),
            is_same=broken is None and all(one.again is None for one in made),
        )

    def _look(self) -> Look:
        at = time.monotonic()
        return Look(
            at=at,
            service=read(ServiceView, self.api.service(SERVICE)),
            analysed=read(Analysed, self.api.analysis(SERVICE)),
            entries=self._entries(at - unix()),
            judging=judging(self.api.url),
        )

    def _entries(self, offset: float) -> list[dict[str, object]]:
        """Read on in the journal; `unix` becomes a time of the monotonic clock."""
        answer = self.api.journal(SERVICE, after=self._read_to, limit=_PAGE)
        entries = read(JournalPage, answer).entries
        for entry in entries:
            match entry:
                case {"seq": int(seq), "unix": int(at) | float(at)}:
                    self._read_to = seq
                    entry["unix"] = at + offset
                case _:
                    pass
        return entries


def seen_in(look: Look) -> Seen:
    """Give what the gateway has counted and measured, by version."""
    return {name: one.statistics for name, one in look.service.versions.items()}


async def aside(ask: Callable[[], _Answer]) -> _Answer:
    """Ask in a thread, so that nobody waits meanwhile.

    Raises:
        GatewayLost: Nothing answers.

    """
    try:
        return await asyncio.to_thread(ask)
    except (AdminUnreachable, OSError, HTTPException) as error:
        raise GatewayLost(
            "The gateway of the demo does not answer any more.",
            remedy="Run it again; if it stays so, report it with what it printed.",
        ) from error
