"""Tells people in time that certificates end, and that endpoints are not verified."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.domain.deployment import Deployment
from gateway.tls.expiry import certificates_of, expiring, unverified

_log: Final = logging.getLogger("sluicegate.certificates")

_AGAIN_S: Final = 86_400.0
_LOOK_S: Final = 60.0


class Certificates:
    """Looks at the certificates in force.

    Args:
        deployment: Gives the configuration in force.
        now: Unix time in seconds.

    """

    def __init__(
        self, deployment: Callable[[], Deployment], now: Callable[[], float]
    ) -> None:
        self._deployment = deployment
        self._now = now
        self._said: dict[str, float] = {}
        self._moved = asyncio.Event()

    def expiring(self) -> list[str]:
        """Say which certificates end soon, or have ended."""
        return expiring(self._deployment(), self._now())

    def warnings(self) -> list[str]:
        """Say all that people should know: what ends, and who is not verified."""
        return [*self.expiring(), *unverified(self._deployment())]

    def expiry(self) -> dict[tuple[str, str], float]:
        """Give until when each is valid, in Unix time, by use and path."""
        return {
            (used.use, used.certificate.certificate): used.certificate.not_after
            for used in certificates_of(self._deployment())
        }

    def look(self) -> None:
        """Look soon: there may be another configuration."""
        self._moved.set()

    async def keep(self) -> None:
        """Log what is to be said, once a day, for ever."""
        while True:
            self.say()
            self._moved.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def say(self) -> None:
        """Log what was not said in the last day."""
        now = self._now()
        self._said = {
            what: at for what, at in self._said.items() if at > now - _AGAIN_S
        }
        for what in self.warnings():
            if what not in self._said:
                self._said[what] = now
                _log.warning("%s", what)
