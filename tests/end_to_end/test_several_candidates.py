"""Two candidates beside a baseline, with the running command: who errs goes alone."""

import http.client
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import Json, Release, plant, release, running_release
from tests.end_to_end.running import (
    CHAT,
    COMMAND,
    PATIENCE_S,
    ModelServer,
    running_model_server,
    tell,
    until,
)

Models = tuple[ModelServer, ModelServer]

KEYS = [f"person-{number}" for number in range(120)]
AB: Json = {"strategy": "ab", "steps": [{"setWeight": 30}]}


@pytest.fixture(scope="module")
def third() -> Iterator[ModelServer]:
    with running_model_server("v3") as server:
        yield server


def document(models: Models, third: ModelServer, folder: Path) -> Json:
    """Make a configuration in which v2 and v3 are compared with v1."""
    written = release(
        models, rollout=AB, state=f"sqlite:{folder / 'state.db'}", workers=2
    )
    chat = written["services"]["chat"]
    chat["versions"]["v3"] = {**chat["versions"]["v2"], "endpoints": [third.url]}
    del chat["candidate"]
    chat["candidates"] = ["v2", "v3"]
    return written


def answered_by(port: int) -> dict[str, str]:
    """Ask once with every key, on one connection; give the versions by key."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    question = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    versions = {}
    for key in KEYS:
        headers = {"content-type": "application/json", "x-user-id": key}
        connection.request("POST", CHAT, json.dumps(question), headers)
        answer = connection.getresponse()
        answer.read()
        versions[key] = answer.getheader("x-sluicegate-version", "")
    connection.close()
    return versions


def phases(running: Release) -> dict[str, str]:
    """Give where each candidate stands, when both have begun."""
    return {
        lane["candidate"]: lane["phase"] for lane in running.gateway.service()["lanes"]
    }


def weights(running: Release) -> dict[str, float]:
    return dict(running.gateway.service()["weights"])


def test_a_candidate_that_errs_is_taken_back_and_nobody_else_moves(
    models: Models, third: ModelServer, tmp_path: Path
) -> None:
    """Its users go to the baseline; those of the other candidate stay where they are."""
    third.forget()
    with (
        running_release(document(models, third, tmp_path), tmp_path) as running,
        Audience(running.gateway.data) as audience,
    ):
        running.start()
        until(
            "30 % each",
            lambda: weights(running) == {"v1": 40.0, "v2": 30.0, "v3": 30.0},
        )
        before = answered_by(running.gateway.data)
        assert set(before.values()) == {"v1", "v2", "v3"}

        plant(third, error=0.5)
        took = until(
            "v3 is out", lambda: phases(running)["v3"] == "rolled_back", within_s=60
        )
        after = answered_by(running.gateway.data)

        assert {
            key: (was, after[key]) for key, was in before.items() if after[key] != was
        } == {key: ("v3", "v1") for key, was in before.items() if was == "v3"}
        assert phases(running)["v2"] == "progressing"
        assert weights(running) == {"v1": 70.0, "v2": 30.0, "v3": 0.0}
        audience.leave()
        told_everywhere(running, Counter(before.values()))
        tell(f"v3 was taken back {took:.1f} s after it began to err")


def told_everywhere(running: Release, keys: Counter[str]) -> None:
    """Demand that metrics, journal and replay say the same."""
    gateway = running.gateway
    percents = {
        labels["version"]: value
        for labels, value in gateway.metric("sluicegate_weight_percent")
    }
    assert percents == {"v1": 70.0, "v2": 30.0, "v3": 0.0}
    served = {
        labels["version"]
        for labels, value in gateway.metric("sluicegate_requests_total")
        if labels["service"] == "chat" and value
    }
    assert served == set(keys)
    said = [entry["body"]["said"] for entry in running.journal("moved")]
    assert any(words.startswith("error_rate regressed") for words in said)
    replayed = subprocess.run(
        [COMMAND, "replay", "chat", "--admin", f"http://127.0.0.1:{gateway.admin}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "chat:v3: error_rate regressed" in replayed.stdout
