"""Every test over sockets ends with a gateway in which nothing runs any more."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.certificates import Authority, believing, listener
from tests.flows.scripted import encryption
from tests.flows.stage import Stage


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Give a gateway to be placed between the test's clients and upstreams."""
    if getattr(request, "param", False):
        request.getfixturevalue("encrypted")
    made = Stage()
    yield made
    await made.leave_quiet()


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Let all connections of a test speak TLS, on both sides of the gateway.

    For single tests: see stage.over_tls_too.
    """
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    monkeypatch.setattr(encryption, "server", authority.serving(pair))
    monkeypatch.setattr(encryption, "client", authority.trusting())
    monkeypatch.setattr(encryption, "listener", listener(tmp_path, pair))
    monkeypatch.setattr(encryption, "to_endpoints", believing(authority))
    return authority


if os.environ.get("SLUICEGATE_TEST_TLS"):  # the whole suite over TLS, by hand

    @pytest.fixture(autouse=True)
    def _all_encrypted(encrypted: Authority) -> None:
        """Encrypt every test."""
