"""Certificates for tests, each authority and each pair in files of its own."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trustme

from gateway.domain.tls import Certificate, ServerTls, UpstreamTls
from gateway.settings.credentials import Surroundings
from gateway.settings.tls import Files, certificate, server_tls

NAMES: Final = ("localhost", "127.0.0.1")


class Authority:
    """An authority that nobody knows but who has its file.

    Args:
        folder: Where files are written.

    Attributes:
        file: Of its own certificate.

    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(
        self, stem: str, *names: str, not_after: datetime | None = None
    ) -> dict[str, str]:
        """Write a certificate and its key, perhaps in place of others; give the paths."""
        leaf = self._authority.issue_cert(*(names or NAMES), not_after=not_after)
        chain = self._folder / f"{stem}.pem"
        chain.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        key = self._folder / f"{stem}.key"
        leaf.private_key_pem.write_to_path(key)
        return {"certificate": str(chain), "key": str(key)}

    def trusting(self) -> ssl.SSLContext:
        """Make the context of a client that believes this authority."""
        return ssl.create_default_context(cafile=self.file)

    def serving(self, pair: dict[str, str]) -> ssl.SSLContext:
        """Make the context of a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair["certificate"], pair["key"])
        return context


def here(folder: Path) -> Surroundings:
    """Give surroundings with nothing but a folder."""
    return Surroundings(environment={}, folder=folder)


def listener(folder: Path, written: object) -> ServerTls:
    """Read `tls` of a listener."""
    return server_tls(written, here(folder))


def read_pair(folder: Path, pair: dict[str, str]) -> Certificate:
    """Read a certificate and its key."""
    return certificate(pair, Files(here(folder)))


def believing(authority: Authority, **settings: object) -> UpstreamTls:
    """Write how endpoints of *authority* are spoken to."""
    return UpstreamTls(ca=str(authority.file), **settings)  # type: ignore[arg-type]


LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
