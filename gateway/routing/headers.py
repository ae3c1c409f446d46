"""What request headers must be, for a route that goes by them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.domain.rollout import HeaderMatch

LONGEST_VALUE: Final = 2000
"""Bytes of a value that an expression is tried on; no longer one fits."""


class HeaderTest:
    """One condition, made ready.

    Args:
        match: Its expression, if it has one, was checked by the configuration.

    """

    __slots__ = ("_exact", "_name", "_pattern", "_prefix")

    def __init__(self, match: HeaderMatch) -> None:
        self._name = match.name.lower().encode()
        self._exact = None if match.exact is None else match.exact.encode()
        self._prefix = None if match.prefix is None else match.prefix.encode()
        self._pattern = None if match.regex is None else re.compile(match.regex)

    def fits(self, fields: Mapping[bytes, bytes]) -> bool:
        """Whether a request's fields, by lower-case name, are as asked.

        A header that is not there fits nothing, not even an expression for nothing.
        """
        value = fields.get(self._name)
        if value is None:
            return False
        if self._exact is not None:
            return value == self._exact
        if self._prefix is not None:
            return value.startswith(self._prefix)
        if self._pattern is None or len(value) > LONGEST_VALUE:
            return False
        return self._pattern.fullmatch(value.decode("utf-8", "replace")) is not None


HeaderTests = tuple[HeaderTest, ...]
"""Conditions that must hold all together; none: any request fits."""


def header_tests(match: Sequence[HeaderMatch]) -> HeaderTests:
    """Make conditions ready."""
    return tuple(map(HeaderTest, match))


def fit_all(tests: HeaderTests, fields: Mapping[bytes, bytes]) -> bool:
    """Whether all conditions hold."""
    return all(test.fits(fields) for test in tests)
