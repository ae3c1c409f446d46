"""Every comparison there is, by the kind of metric it is for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.analysis.comparison import Comparison
from gateway.analysis.comparisons.distribution import DISTRIBUTION
from gateway.analysis.comparisons.mean import MEAN
from gateway.analysis.comparisons.rate import RATE
from gateway.analysis.design import Kind

COMPARISONS: Final[Mapping[Kind, Comparison]] = MappingProxyType({
    comparison.kind: comparison for comparison in (RATE, MEAN, DISTRIBUTION)
})
