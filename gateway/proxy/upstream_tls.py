"""TLS to the endpoints of a version: how connections are made, and what fails in words."""

import asyncio
import logging
import ssl
from typing import Any, Final

from gateway.domain.service import Endpoint
from gateway.domain.tls import UpstreamTls
from gateway.tls.contexts import client_context

_log: Final = logging.getLogger("sluicegate.pool")

_GOODBYE: Final = 0.2
"""Seconds an endpoint may take to answer our end of TLS, where no exchange is on it."""

_AT_ONCE: Final = 1
"""Bytes that may be read ahead while nobody takes them. With more, uvloop would notice an
endpoint's close behind them and throw them away, the end of an answer to a slow client."""


class UnusableFiles(OSError):
    """The files of `tls` cannot be loaded; there is no connection without them."""


class EndpointTls:
    """How connections of one pool speak TLS, where their URL is https.

    Attributes:
        settings: See Version.tls.

    """

    def __init__(self) -> None:
        self.settings: UpstreamTls | None = None

    def use(self, settings: UpstreamTls | None) -> None:
        """Take settings, and load their files now, as they were when they were checked."""
        self.settings = settings
        if settings is not None:
            try:
                self._context()
            except UnusableFiles as error:
                _log.error("%s Tried again for each connection.", error)

    def _context(self) -> ssl.SSLContext:
        try:
            return client_context(self.settings)
        except OSError as error:
            raise UnusableFiles(
                f"the files of its tls cannot be loaded: {error}."
            ) from error

    def arguments(self, endpoint: Endpoint) -> dict[str, Any]:
        """Give what create_connection is told.

        Raises:
            UnusableFiles: See there.

        """
        if not endpoint.tls:
            return {}
        name = "" if self.settings is None else self.settings.server_name
        return {
            "ssl": self._context(),
            "server_hostname": name or endpoint.host,
            "ssl_shutdown_timeout": _GOODBYE,
        }


def made(transport: asyncio.BaseTransport) -> None:
    """Prepare a connection that speaks TLS."""
    transport.set_read_buffer_limits(high=_AT_ONCE)  # type: ignore[attr-defined]


def reason(error: Exception) -> str:
    """Say why there is no connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    strerror = getattr(error, "strerror", None)
    return str(strerror or str(error) or type(error).__name__)


def remedy(error: Exception) -> str:
    """Say what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            "Use the name its certificate is for, or say it with tls.server_name; name a"
            " private authority with tls.ca."
        )
    if isinstance(error, UnusableFiles):
        return "Mend the files that tls names, and reload."
    if isinstance(error, ssl.SSLError):
        return (
            "Check that it speaks TLS there (https), and whether it asks for a"
            " certificate (tls.certificate)."
        )
    return "Check that it runs and that the address is right."
