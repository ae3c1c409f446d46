"""TLS as it is configured: which files, for which names, until when. Never what is in them.

These values go to the workers in the routing table and are shown to people. They hold
paths and a digest of what lay there, by which a renewed file is a change; keys are read
by the process that needs them.
"""

from dataclasses import dataclass
from enum import Enum

from gateway.domain.units import Seconds


class TlsVersion(Enum):
    """The least that a client must speak."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate with its chain, and its key.

    Attributes:
        certificate: Path of the PEM file, the server's own certificate first.
        key: Path of its private key, in PEM, without a password.
        names: DNS names (perhaps beginning with "*.") and addresses it is for, in lower
            case.
        not_after: Until when it is valid; Unix time, seconds.

    """

    certificate: str
    key: str
    names: tuple[str, ...] = ()
    not_after: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """How a listener speaks TLS.

    Attributes:
        certificates: At least one; the first is for clients that ask for no name, or for
            one that none has.
        min_version: See TlsVersion.
        client_ca: Path of the authorities of client certificates, which every client
            must have then; empty: none is asked for.
        digest: Of the contents of all these files.

    """

    certificates: tuple[Certificate, ...]
    min_version: TlsVersion = TlsVersion.TLS_1_2
    client_ca: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls:
    """How the endpoints of a version are spoken to.

    Attributes:
        ca: Path of the authorities that are believed in place of the system's; empty:
            the system's.
        certificate: What we show to endpoints that ask for it; None: nothing.
        verify: Whether an endpoint must prove its name.
        server_name: The name it must prove, and is asked for; empty: the URL's.
        digest: Of the contents of all these files.

    """

    ca: str = ""
    certificate: Certificate | None = None
    verify: bool = True
    server_name: str = ""
    digest: str = ""
