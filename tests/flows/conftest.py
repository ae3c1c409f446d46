"""Every test over sockets ends with a gateway in which nothing runs any more."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Give a gateway to be placed between the test's clients and upstreams."""
    made = Stage()
    yield made
    await made.leave_quiet()
