"""Whether endpoints can be asked: looked at while a rollout is on.

Where a version has a health check, the workers check it (proxy.checks), and what they found
counts. Else it is one TCP handshake every few seconds to each endpoint of a candidate under
release. A weight rises only while one of them answers; what a version *says* is for the
analyzer.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from gateway.control.unharmed import unharmed
from gateway.domain.lane import service_of
from gateway.domain.service import Endpoint, Version
from gateway.telemetry.endpoints import Endpoints

_log = logging.getLogger(__name__)

_EVERY_S: Final = 2.0
_NEWS_EVERY_S: Final = 0.1
_DEADLINE_S: Final = 2.0


class Probes:
    """Knows which versions can be reached.

    Args:
        wanted: Gives (service, version) of what is to be probed now.
        checked: Gives how the endpoints of versions stand.

    """

    def __init__(
        self,
        wanted: Callable[[], Iterable[tuple[str, Version]]],
        checked: Callable[[], Endpoints] = dict,
    ) -> None:
        self._wanted = wanted
        self._checked = checked
        self._reached: dict[tuple[str, str], bool] = {}

    def is_healthy(self, service: str, version: str) -> bool:
        """Whether one endpoint is well; False: not known yet."""
        return self._reached.get((service, version), False)

    async def run(self) -> None:
        """Probe for ever; what is wanted and not known yet, soon."""
        due = 0.0
        while True:
            with unharmed("Probing endpoints"):
                if time.monotonic() >= due or self._has_news():
                    due = time.monotonic() + _EVERY_S
                    await self.once()
            await asyncio.sleep(_NEWS_EVERY_S)

    def _has_news(self) -> bool:
        wanted = ((service, version.name) for service, version in self._wanted())
        return any(key not in self._reached for key in wanted)

    async def once(self) -> None:
        """Probe all that is wanted now, at the same time."""
        wanted = list(self._wanted())
        found = await asyncio.gather(*(self._is_well(*each) for each in wanted))
        known = {
            (service, version.name): is_reached
            for (service, version), is_reached in zip(wanted, found, strict=True)
        }
        for key, is_reached in known.items():
            if is_reached is not self._reached.get(key, True):
                state = "can be reached again" if is_reached else "cannot be reached"
                _log.warning("%s of %s %s.", key[1], key[0], state)
        self._reached = known

    async def _is_well(self, service: str, version: Version) -> bool:
        if version.care.health is None:
            return await _is_reached(version)
        name = (service_of(service), version.name)
        return any(endpoint.health for endpoint in self._checked().get(name, ()))


async def _is_reached(version: Version) -> bool:
    answers = await asyncio.gather(*map(_takes_connections, version.endpoints))
    return any(answers)


async def _takes_connections(endpoint: Endpoint) -> bool:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            _reader, writer = await asyncio.open_connection(
                endpoint.host, endpoint.port
            )
    except (OSError, UnicodeError):  # of names that are none, too
        return False
    writer.close()
    return True
