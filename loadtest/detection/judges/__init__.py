"""Every judge there is, by the name that the table gives it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from loadtest.detection.judge import Judge
from loadtest.detection.judges.argo import Argo
from loadtest.detection.judges.flagger import Flagger
from loadtest.detection.judges.kayenta import Kayenta
from loadtest.detection.judges.peeked import PeekedZ
from loadtest.detection.judges.sluicegate import Sluicegate

JUDGES: Final[Mapping[str, Callable[[], Judge]]] = MappingProxyType({
    "sluicegate": Sluicegate,
    "Argo, failureLimit 0": lambda: Argo(failure_limit=0),
    "Argo, failureLimit 3": lambda: Argo(failure_limit=3),
    "Flagger, threshold 5": Flagger,
    "Kayenta": Kayenta,
    "z-test, peeked at": PeekedZ,
})
