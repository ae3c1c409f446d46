"""Contexts of the ssl module, made from the files that are configured.

Defaults are those of Mozilla's "intermediate" (https://wiki.mozilla.org/Security/
Server_Side_TLS) without its last ciphers: TLS 1.2 at least, a key exchange with forward
secrecy, authenticated encryption.
"""

import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from gateway.domain.tls import Certificate, ServerTls, TlsVersion, UpstreamTls

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; all of 1.3 are like them
_PROTOCOLS: Final = ["http/1.1"]
_VERSIONS: Final = {
    TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}
_SETTINGS: Final = 256
"""Settings whose contexts are remembered: more than a gateway has, so that what is left
of reloads goes."""

Chosen = Callable[
    [ssl.SSLObject | ssl.SSLSocket, str | None, ssl.SSLContext], int | None
]


class LockedKey(OSError):
    """The key has a password, which nobody is there to type."""


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Make the context of a listener; it chooses the certificate by the name asked for.

    Raises:
        OSError: A file cannot be read or used (ssl.SSLError, LockedKey).

    """
    first, *others = [
        _bare_server(tls, certificate) for certificate in tls.certificates
    ]
    if tls.client_ca:
        first.verify_mode = ssl.CERT_REQUIRED
        first.load_verify_locations(tls.client_ca)
    if others:
        names = [certificate.names for certificate in tls.certificates]
        first.sni_callback = _by_name(names, [first, *others])
    return first


def _bare_server(tls: ServerTls, certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(_PROTOCOLS)
    load(context, certificate)
    return context


def _by_name(names: list[tuple[str, ...]], contexts: list[ssl.SSLContext]) -> Chosen:
    """Make what OpenSSL asks with the name that a client has asked for."""
    by_name: dict[str, ssl.SSLContext] = {}
    for own, context in zip(names, contexts, strict=True):
        for name in own:
            by_name.setdefault(name, context)

    def choose(
        connection: ssl.SSLObject | ssl.SSLSocket,
        asked: str | None,
        _first: ssl.SSLContext,
    ) -> None:
        if asked is None:
            return
        name = asked.lower().rstrip(".")
        found = by_name.get(name) or by_name.get(f"*.{name.partition('.')[2]}")
        if found is not None:
            connection.context = found

    return choose


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Load a certificate and its key. Raises what server_context does."""
    context.load_cert_chain(certificate.certificate, certificate.key, _no_password)


def _no_password() -> str:
    raise LockedKey("the key has a password")


@lru_cache(maxsize=_SETTINGS)
def client_context(tls: UpstreamTls | None) -> ssl.SSLContext:
    """Make the context for endpoints, once for all that are configured alike.

    Raises:
        OSError: A file cannot be read or used (ssl.SSLError, LockedKey).

    """
    context = ssl.create_default_context(cafile=tls.ca or None if tls else None)
    context.set_alpn_protocols(_PROTOCOLS)
    if tls is not None:
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.certificate is not None:
            load(context, tls.certificate)
    return context
