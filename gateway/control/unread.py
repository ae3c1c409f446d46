"""The file against what runs: said aloud when it was edited and not reloaded."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.domain.deployment import Deployment
from gateway.domain.errors import BadConfiguration

_log = logging.getLogger(__name__)

_UNUSABLE: Final = (
    "The configuration cannot be used; the one accepted last stays in force. Mend it"
    " (the log says what is wrong), then reload."
)
_NOT_RELOADED: Final = (
    "The configuration was changed and not reloaded; the one accepted last stays in"
    " force. Reload it (SIGHUP) when it says what you want."
)


class Unread:
    """Knows whether the file says something else than what was accepted last.

    Args:
        read: Reads the configuration; raises BadConfiguration.

    Attributes:
        trouble: In a sentence or two; None: it says the same.

    """

    def __init__(self, read: Callable[[], Awaitable[Deployment]]) -> None:
        self._read = read
        self.trouble: str | None = None

    async def compare(self, accepted: Callable[[], Deployment]) -> None:
        """Read the file, and compare it with what was accepted last."""
        before = accepted()
        try:
            found: Deployment | None = await self._read()
        except BadConfiguration as error:
            _log.error("%s", error)
            found = None
        if accepted() is not before or found == before:
            return
        self.trouble = _UNUSABLE if found is None else _NOT_RELOADED
        _log.warning("%s", self.trouble)
