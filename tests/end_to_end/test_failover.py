"""A candidate that dies under load, seen by clients of the real command."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.running import (
    ModelServer,
    call,
    configuration,
    running_gateway,
    running_model_server,
    until,
    until_soon,
)

Models = tuple[ModelServer, ModelServer]


def _document(models: Models, **chat: object) -> dict[str, Any]:
    document = configuration([model.url for model in models], weight=20)
    document["services"]["chat"] |= chat
    return document


async def test_no_client_sees_a_candidate_die_nor_the_controller(
    tmp_path: Path,
) -> None:
    """Killed with -9 under load, at 20 %: what ran there is answered by the baseline."""
    with (
        running_model_server("one") as one,
        running_model_server("two") as two,
        running_gateway(_document((one, two)), tmp_path) as gateway,
        Audience(gateway.data, rate=200.0) as audience,
    ):
        await until_soon("both answer", lambda: set(audience.since(0)) >= {"v1", "v2"})
        os.kill(gateway.controller(), signal.SIGKILL)
        two.kill()
        died = time.monotonic()
        await until_soon("some more", lambda: audience.since(died)["v1"] > 150)
        audience.leave()
        assert not audience.unhappy()
        assert not audience.since(died + 0.5)["v2"]
        await until_soon("the controller is back", gateway.is_administered)
        await until_soon("diverted", lambda: bool(_diverting(gateway.service())))
        shown = gateway.service()["versions"]["v2"]["standby"]
        covered = Counter(shown["failovers"]).total()
        assert 5 <= covered < 5 + 16 + 3  # those that ran, and one or two tries
        assert shown["failovers_refused"] == {}
        assert gateway.service()["protection"] == "guard only"


def _diverting(shown: dict[str, Any]) -> int:
    return int(shown["versions"]["v2"]["standby"]["workers_diverting"])


@pytest.mark.parametrize(
    ("fault", "why"), [({"hang": True}, "timeout"), ({"status": 500}, "5xx")]
)
async def test_a_candidate_that_hangs_or_fails_is_covered_where_that_is_wished(
    models: Models, tmp_path: Path, fault: dict[str, object], why: str
) -> None:
    document = _document(models, failover={"on": ["connect", "timeout", "5xx"]})
    versions = document["services"]["chat"]["versions"]
    versions["v2"]["timeouts"]["first_byte"] = "300ms"
    call(models[1].port, "POST", "/_behave", fault)
    with (
        running_gateway(document, tmp_path) as gateway,
        Audience(gateway.data, rate=100.0) as audience,
    ):
        await until_soon("diverted", lambda: bool(_diverting(gateway.service())))
        audience.leave()
        assert not audience.unhappy()
        assert why in gateway.service()["versions"]["v2"]["standby"]["failovers"]


def test_when_both_are_dead_nothing_is_diverted(tmp_path: Path) -> None:
    with (
        running_model_server("one") as one,
        running_model_server("two") as two,
        running_gateway(_document((one, two)), tmp_path) as gateway,
    ):
        one.kill()
        two.kill()
        codes = Counter(
            call(gateway.data, "POST", "/v1/chat/completions", {})[0] for _ in range(60)
        )
        assert set(codes) == {502}
        until("counted", lambda: _requests(gateway.service()) == 60)
        assert _diverting(gateway.service()) == 0


def _requests(shown: dict[str, Any]) -> int:
    with suppress(KeyError):
        versions = shown["versions"].values()
        return sum(version["statistics"]["requests"] for version in versions)
    return 0


async def test_a_slow_baseline_is_waited_for(models: Models, tmp_path: Path) -> None:
    call(models[0].port, "POST", "/_behave", {"first_token": 0.5})
    call(models[1].port, "POST", "/_behave", {"status": 503})
    with (
        running_gateway(_document(models), tmp_path) as gateway,
        Audience(gateway.data, rate=40.0) as audience,
    ):
        await until_soon("diverted", lambda: bool(_diverting(gateway.service())))
        audience.leave()
        assert not audience.unhappy()
