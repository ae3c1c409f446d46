"""The gateway's own places: where it listens, keeps state, and how many workers."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from pydantic import WithJsonSchema

from gateway.domain.deployment import Address, StateAddress, StateKind
from gateway.domain.tls import ServerTls
from gateway.settings.addresses import listen_address
from gateway.settings.credentials import Surroundings
from gateway.settings.problem import (
    Finding,
    Wrong,
    raise_all,
    shown,
    text_of,
    unknown,
    wrong,
)
from gateway.settings.quantities import count
from gateway.settings.tls import SERVER_SCHEMA, server_tls

MOST_WORKERS: Final = 256
_LOCALHOST: Final = "localhost"
_WILDCARDS: Final = {str(IPv4Address(0)): 4, str(IPv6Address(0)): 6}
_REMEDY: Final = "Write host:port, or a list of them."

_ADDRESS_SCHEMA: Final = {"type": "string"}
_LISTENER_SCHEMA: Final = {
    "anyOf": [
        _ADDRESS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "address": {**_ADDRESS_SCHEMA, "description": "host:port to bind."},
                "tls": {**SERVER_SCHEMA, "description": "Certificate and key."},
            },
            "required": ["address"],
            "additionalProperties": False,
        },
    ]
}
SCHEMA: Final = WithJsonSchema({
    "anyOf": [
        _ADDRESS_SCHEMA,
        {"type": "array", "items": _LISTENER_SCHEMA, "minItems": 1},
    ]
})
WORKERS_SCHEMA: Final = WithJsonSchema({
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": MOST_WORKERS},
        {"const": "auto"},
    ]
})
STATE_SCHEMA: Final = WithJsonSchema({
    "type": "string",
    "pattern": "^(sqlite:.+|memory:?)$",
})


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener: where, and how it speaks TLS; None: it does not."""

    address: Address
    tls: ServerTls | None = None


def is_loopback(address: Address) -> bool:
    """Whether only this machine can reach *address*."""
    if address.host == _LOCALHOST:
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False


def collide(one: Address, other: Address) -> bool:
    """Whether the two cannot both be bound; a wildcard takes its whole family."""
    if one.port != other.port or not one.port:
        return False
    if one.host == other.host:
        return True
    return _takes(one.host, other.host) or _takes(other.host, one.host)


def _takes(wildcard: str, host: str) -> bool:
    family = _WILDCARDS.get(wildcard)
    if family is None or host in _WILDCARDS:
        return False
    try:
        return ip_address(host).version == family
    except ValueError:
        return host == _LOCALHOST


def leads_to(host: str, port: int, address: Address) -> bool:
    """Whether a connection to *host* and *port* certainly ends at *address*."""
    target = Address(host=host, port=port)
    if port != address.port:
        return False
    if host == address.host:
        return True
    by_name = _LOCALHOST in {host, address.host} and is_loopback(address)
    return is_loopback(target) and (by_name or _takes(address.host, host))


def listeners(value: object, surroundings: Surroundings) -> tuple[Listening, ...]:
    """Read `listen`: an address, or a list of addresses or {address, tls}. Raises Wrong."""
    if isinstance(value, str):
        return (Listening(listen_address(value)),)
    if not isinstance(value, list) or not value:
        raise wrong(f"found {shown(value)}.", f"{_REMEDY} Such as 127.0.0.1:8080.")
    found: list[Listening] = []
    findings: list[Finding] = []
    for place, entry in enumerate(value):
        try:
            found.append(_listener(entry, surroundings))
        except Wrong as error:
            findings += [finding.below(place) for finding in error.findings]
    raise_all(findings)
    _demand_apart([each.address for each in found])
    return tuple(found)


def _demand_apart(addresses: list[Address]) -> None:
    raise_all([
        Finding(
            what=f"found {address}, which an address above it already takes.",
            remedy="Take one of them out, or change its port.",
            at=(place,),
        )
        for place, address in enumerate(addresses)
        if any(collide(address, other) for other in addresses[:place])
    ])


def _listener(entry: object, surroundings: Surroundings) -> Listening:
    if not isinstance(entry, dict):
        return Listening(listen_address(entry))
    known = ("address", "tls")
    raise_all([unknown("key", key, known) for key in entry if key not in known])
    if "address" not in entry:
        raise wrong(
            f"found {'no address' if entry else 'an empty mapping'}.",
            "Write {address: 127.0.0.1:8080}.",
        )
    try:
        address = listen_address(entry["address"])
    except Wrong as error:
        raise Wrong(*(found.below("address") for found in error.findings)) from None
    if entry.get("tls") is None:
        return Listening(address)
    try:
        return Listening(address, server_tls(entry["tls"], surroundings))
    except Wrong as error:
        raise Wrong(*(found.below("tls") for found in error.findings)) from None


def workers(value: object) -> int | None:
    """Read `workers`: a number, or None for auto. Raises Wrong."""
    if value == "auto":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return count(1, MOST_WORKERS)(value)
    raise wrong(
        f"found {shown(value)}.",
        f"Write a whole number from 1 to {MOST_WORKERS}, or auto.",
    )


def state(value: object) -> StateAddress:
    """Read `state`: where to keep what must survive. Raises Wrong."""
    remedy = "Write sqlite:PATH, such as sqlite:state.db, or memory:."
    text = text_of(value, remedy)
    kind, _, rest = text.partition(":")
    if kind in {"redis", "rediss"}:
        raise wrong("state in Redis is not available yet.", remedy)
    if kind == StateKind.MEMORY.value and not rest:
        return StateAddress(kind=StateKind.MEMORY)
    if kind != StateKind.SQLITE.value:
        raise wrong(f"found {shown(text)}.", remedy)
    return StateAddress(kind=StateKind.SQLITE, path=_sqlite_path(rest))


def _sqlite_path(path: str) -> str:
    if path.startswith("//"):
        raise wrong(
            f"found {shown('sqlite:' + path)}, which is written like a URL.",
            "Write the path after the colon: sqlite:state.db or sqlite:/var/lib/x.db.",
        )
    if not path.strip() or "\0" in path or path == ":memory:" or path.endswith("/"):
        raise wrong(
            f"found {shown('sqlite:' + path)}, which names no file.",
            "Write sqlite:PATH, such as sqlite:state.db; or memory:.",
        )
    return path


def state_as_written(address: StateAddress) -> str:
    """Write a state address as a configuration has it."""
    return f"{address.kind.value}:{address.path}"


def placed(address: StateAddress, folder: Path) -> StateAddress:
    """Give the address with its path seen from *folder*."""
    if address.kind is not StateKind.SQLITE:
        return address
    return StateAddress(kind=address.kind, path=str(folder / address.path))
