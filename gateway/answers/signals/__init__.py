"""Every signal there is, by the name a configuration uses."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.answers.signal import Signal
from gateway.answers.signals.refusal import REFUSAL

SIGNALS: Final[Mapping[str, Signal]] = MappingProxyType({
    signal.name: signal for signal in (REFUSAL,)
})
