"""Addresses to listen on, networks to believe, and endpoints to send to."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final
from urllib.parse import urlsplit

from gateway.domain.deployment import Address
from gateway.domain.service import Endpoint
from gateway.settings.problem import shown, text_of, wrong

_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?"
)
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LONGEST_NAME: Final = 253
_HIGHEST_PORT: Final = 65_535
_END_OF_AUTHORITY: Final = re.compile(r"[/?#]")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_ADDRESS_REMEDY: Final = "Write host:port, such as 127.0.0.1:8080 or '[::1]:8080'."
_URL_REMEDY: Final = (
    "Write http:// or https://, a host, and if needed a port and a base path: "
    "http://127.0.0.1:9001 or https://api.example.com/v1."
)


def checked_host(text: str, *, is_bracketed: bool = False) -> str | None:
    """Give a DNS name or address in its usual form, None when it is neither."""
    try:
        if is_bracketed:
            return str(IPv6Address(text))
        if text.rpartition(".")[2].isdecimal():
            return str(IPv4Address(text))
    except ValueError:
        return None
    is_name = _DNS_NAME.fullmatch(text) and len(text) <= _LONGEST_NAME
    return text.lower() if is_name else None


def split_authority(text: str) -> tuple[str, int | None] | None:
    """Cut "[::1]:80" into ("::1", 80); port None when absent; None when malformed."""
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    host = checked_host(
        found["name"] if found["six"] is None else found["six"],
        is_bracketed=found["six"] is not None,
    )
    port = None if found["port"] is None else int(found["port"])
    if host is None or (port is not None and port > _HIGHEST_PORT):
        return None
    return host, port


def listen_address(value: object) -> Address:
    """Read host:port to bind; port 0 lets the system choose. Raises Wrong."""
    text = text_of(value, _ADDRESS_REMEDY)
    parts = split_authority(text)
    if parts is None or parts[1] is None:
        raise wrong(f"found {shown(text)}, which is no address.", _instead(text))
    return Address(host=parts[0], port=parts[1])


def _instead(text: str) -> str:
    if "://" in text:
        return f"Leave out the scheme. {_ADDRESS_REMEDY}"
    port = text.removeprefix("*").removeprefix(":")
    if port.isdecimal():
        return (
            f"Write 0.0.0.0:{port} for every IPv4 interface, '[::]:{port}' for every "
            f"IPv6 interface, 127.0.0.1:{port} for this machine only."
        )
    return _ADDRESS_REMEDY


def network(value: object) -> str:
    """Read a network or a single address, and give it as a CIDR. Raises Wrong."""
    remedy = "Write a network such as 10.0.0.0/8, or an address such as 10.1.2.3."
    text = text_of(value, remedy)
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise wrong(f"found {shown(text)}, which is no network.", remedy) from None


def endpoint(value: object) -> Endpoint:
    """Read an upstream URL. Raises Wrong."""
    return _endpoint(value, "set_headers")


def collector(value: object) -> str:
    """Read the URL of a server we ask ourselves: a collector, a judge. Raises Wrong."""
    return _endpoint(value, "headers").url


def _endpoint(value: object, headers: str) -> Endpoint:
    """Read a URL; *headers* is the key where credentials belong."""
    text = text_of(value, _URL_REMEDY)
    scheme, separator, rest = text.partition("://")
    _refuse_credentials(text, headers)
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        raise wrong(f"found {shown(text)}, which is no http URL.", _URL_REMEDY)
    _refuse_extras(text, rest)
    parts = split_authority(rest.partition("/")[0])
    if parts is None or parts[1] == 0:
        raise wrong(f"found {shown(text)}, whose host or port is wrong.", _URL_REMEDY)
    host, port = parts
    return Endpoint(
        url=text,
        host=host,
        port=_DEFAULT_PORTS[scheme.lower()] if port is None else port,
        tls=scheme.lower() == "https",
        base_path=urlsplit(text).path.rstrip("/"),
    )


def _refuse_credentials(text: str, headers: str) -> None:
    """Refuse user and password, before any message could show them."""
    _, separator, rest = text.partition("://")
    if "@" in _END_OF_AUTHORITY.split(rest if separator else text)[0]:
        raise wrong(
            "found a URL with a user or password in it.",
            f"Take it out and send it with {headers}: {{Authorization: {{env: NAME}}}}.",
        )


def _refuse_extras(text: str, rest: str) -> None:
    """Refuse what a URL may have and an endpoint may not."""
    for mark, part in (("?", "query"), ("#", "fragment")):
        bare, found, _ = text.partition(mark)
        if found and mark in rest:
            raise wrong(
                f"found {shown(bare)}, with a {part}.",  # which may be a secret
                f"Leave out everything from '{mark}' on: requests bring their own.",
            )
    if not _VISIBLE.fullmatch(text):
        raise wrong(
            f"found {shown(text)}, with blanks or characters outside ASCII.",
            "Write other characters percent-encoded, and names in punycode.",
        )
