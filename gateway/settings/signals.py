"""What is measured in answers: our own signals, and those a model server reports."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from gateway.answers.signals import SIGNALS
from gateway.domain.reserved import RESERVED
from gateway.domain.service import ReportedSignal, ReportPlace
from gateway.settings.names import header_name, json_pointer, name
from gateway.settings.problem import Finding, Wrong, raise_all, shown, unknown, wrong

KNOWN: Final = tuple(SIGNALS)
MOST: Final = 64
_READERS: Final[Mapping[str, Callable[[object], str]]] = {
    ReportPlace.HEADER.value: header_name,
    ReportPlace.JSON.value: json_pointer,
}
_KEYS: Final = ("name", *_READERS)
_REMEDY: Final = (
    "Write the name of a signal; or {name: toxicity, header: x-toxicity} or "
    "{name: toxicity, json: /meta/toxicity} for one that the model server reports."
)

SignalEntry = str | ReportedSignal
Entry = TypeVar("Entry")
Signal = TypeVar("Signal", bound=SignalEntry)


def signal_entry(value: object) -> SignalEntry:
    """Read one entry of `signals.names`. Raises Wrong."""
    if isinstance(value, dict):
        return _reported(value)
    if not isinstance(value, str):
        raise wrong(f"found {shown(value)}.", _REMEDY)
    if value not in KNOWN:
        raise Wrong(unknown("signal", value, KNOWN))
    return value


def _reported(value: dict[str, object]) -> ReportedSignal:
    raise_all(unknown("key", key, _KEYS) for key in value if key not in _KEYS)
    places = [key for key in _READERS if key in value]
    if "name" not in value or len(places) != 1:
        found = ", ".join(value) or "none of them"
        raise wrong(f"found {found}.", "Write name, and one of header and json.")
    (place,) = places
    signal = _below("name", _own_name, value["name"])
    return ReportedSignal(
        name=signal,
        place=ReportPlace(place),
        key=_below(place, _READERS[place], value[place]),
    )


def _own_name(value: object) -> str:
    text = name(value)
    if text in KNOWN:
        raise wrong(
            f"found the name {shown(text)}, which the gateway's own signal has.",
            "Give the reported signal another name.",
        )
    return unreserved(text)


def unreserved(text: str) -> str:
    """Check that a name is none of the metrics that every service has. Raises Wrong."""
    if text in RESERVED:
        raise wrong(
            f"found the name {shown(text)}, which a metric of every service has.",
            f"Give it another name than: {', '.join(RESERVED)}.",
        )
    return text


def _below(key: str, read: Callable[[object], str], value: object) -> str:
    try:
        return read(value)
    except Wrong as error:
        raise Wrong(*(finding.below(key) for finding in error.findings)) from None


def name_of(entry: SignalEntry) -> str:
    """Give the name that an entry has in metrics."""
    return entry if isinstance(entry, str) else entry.name


def few(most: int) -> Callable[[list[Entry]], list[Entry]]:
    """Make a check that a list has at most *most* entries."""

    def check(entries: list[Entry]) -> list[Entry]:
        if len(entries) > most:
            raise wrong(f"found {len(entries)} entries.", f"Write at most {most}.")
        return entries

    return check


def each_once(entries: list[Signal]) -> list[Signal]:
    """Check that no name is there twice. Raises Wrong."""
    names = [name_of(entry) for entry in entries]
    raise_all([
        Finding(
            what=f"found the signal '{found}' again.",
            remedy="Keep one: each has one value for an answer.",
            at=(place,),
        )
        for place, found in enumerate(names)
        if found in names[:place]
    ])
    return entries
