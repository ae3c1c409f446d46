"""What a certificate says of itself: its names, and until when it is valid.

As much of RFC 5280 as that takes. The ssl module shows a certificate only of the other
end of a connection, and a library for the rest would be another 10 MB. Whether a
certificate is sound is for OpenSSL to say, which reads it too (contexts.py).
"""

import binascii
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from re import DOTALL
from re import compile as pattern
from ssl import PEM_cert_to_DER_cert
from time import strptime
from typing import Final

from gateway.domain.units import Seconds

_BLOCK: Final = pattern(
    r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", DOTALL
)
_SEQUENCE: Final = 0x30
_OID: Final = 0x06
_OCTETS: Final = 0x04
_UTC_TIME: Final = 0x17  # two digits of the year
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_DNS_NAME: Final = 0x82
_ADDRESS: Final = 0x87
_LONG: Final = 0x80
_ALT_NAMES: Final = bytes.fromhex("551d11")  # 2.5.29.17, RFC 5280 section 4.2.1.6
_BEFORE_VALIDITY: Final = 3  # serial number, signature's algorithm, issuer
_PIVOT: Final = "50"  # RFC 5280 section 4.1.2.5.1


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one certificate: names in lower case; Unix time, in seconds."""

    names: tuple[str, ...]
    not_after: Seconds


def read_certificate(text: str) -> Facts:
    """Read the first certificate of a PEM file.

    Raises:
        ValueError: There is none, or it is none.

    """
    found = _BLOCK.search(text)
    if found is None:
        raise ValueError(text[:20])
    try:
        return _facts(PEM_cert_to_DER_cert(found[0]))
    except (IndexError, StopIteration, binascii.Error) as error:
        raise ValueError(found[0][:40]) from error


def _facts(der: bytes) -> Facts:
    [(_tag, whole)] = _parts(der)
    _tag, signed = next(_parts(whole))
    parts = [part for part in _parts(signed) if part[0] != _VERSION]
    validity = list(_parts(parts[_BEFORE_VALIDITY][1]))
    names: list[str] = []
    for tag, content in parts:
        if tag == _EXTENSIONS:
            names += _names(content)
    return Facts(tuple(dict.fromkeys(names)), _time(*validity[1]))


def _names(extensions: bytes) -> Iterator[str]:
    [(_tag, listed)] = _parts(extensions)
    for _tag, extension in _parts(listed):
        parts = list(_parts(extension))
        if parts[0] == (_OID, _ALT_NAMES):
            value = next(content for tag, content in parts if tag == _OCTETS)
            [(_tag, names)] = _parts(value)
            yield from filter(None, (_name(*each) for each in _parts(names)))


def _name(tag: int, name: bytes) -> str | None:
    if tag == _DNS_NAME:
        return name.decode("ascii").lower()
    return str(ip_address(name)) if tag == _ADDRESS else None


def _time(tag: int, written: bytes) -> Seconds:
    text = written.decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if text[:2] < _PIVOT else "19") + text
    return Seconds(timegm(strptime(text, "%Y%m%d%H%M%SZ")))


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and content of each element (ITU-T X.690, definite lengths)."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length >= _LONG:
            size = length - _LONG
            length = int.from_bytes(der[at : at + size], "big")
            at += size
        if at + length > len(der):
            raise ValueError(length)
        yield tag, der[at : at + length]
        at += length
