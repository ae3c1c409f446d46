"""A judge of known quality before a release: how it is run, asked for, and looked at."""

import http.client
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from loadtest.processes import environment, free_ports
from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import Json, Release, release
from tests.end_to_end.running import ModelServer, call, until

Models = tuple[ModelServer, ModelServer]

HALLUCINATION = "judge:hallucination"
SENSITIVITY, SPECIFICITY = 0.8, 0.9
FOUND: Json = {
    "role": "tool",
    "tool_call_id": "call_0",
    "content": "The sluice gate opens at six in the morning.",
}
"""A passage that answers can contradict."""


class JudgeServer:
    """A simulated judge as a process (loadtest/judge_server.py)."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def behave(self, **behaviour: object) -> float:
        """Let it behave otherwise from now on; give the moment, monotonic clock."""
        status, answer = call(self.port, "POST", "/_behave", behaviour)
        assert status == 200, answer
        return time.monotonic()

    def stats(self) -> dict[str, int]:
        """Give how often it was asked, and the tokens that took."""
        return call(self.port, "GET", "/_stats")[1]

    def asked(self) -> list[Json]:
        """Give the bodies of the latest requests."""
        found: list[Json] = call(self.port, "GET", "/_asked")[1]["asked"]
        return found


@contextmanager
def running_judge(
    port: int | None = None, **behaviour: object
) -> Generator[JudgeServer]:
    """Run a judge that finds 80 % of what is bad and leaves alone 90 % of the rest."""
    port = port or free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.judge_server", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        env=environment(),
    )
    judge = JudgeServer(port)
    try:
        until("a judge", lambda: _answers(judge), within_s=30.0)
        judge.behave(
            **{"sensitivity": SENSITIVITY, "specificity": SPECIFICITY} | behaviour
        )
        yield judge
    finally:
        process.kill()
        process.wait()


def _answers(judge: JudgeServer) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return "calls" in judge.stats()
    return False


def judged_release(
    models: Models,
    judge: JudgeServer,
    *,
    evaluator: Json | None = None,
    metrics: list[Json] | None = None,
    **settings: Any,
) -> Json:
    """Make a release that is guarded by hallucination, as a judge sees it, and errors."""
    document = release(models, **settings)
    chat = document["services"]["chat"]
    chat["evaluators"] = [
        {
            "name": "judge",
            "kind": "llm_judge",
            "url": f"{judge.url}/v1",
            "model": "examiner",
            "scores": ["hallucination"],
            "sample": 1.0,
            "concurrency": 8,
            "deadline": "5s",
            **(evaluator or {}),
        }
    ]
    chat["rollout"]["analysis"]["metrics"] = metrics or [
        {"signal": "error_rate"},
        {"signal": HALLUCINATION},
    ]
    return document


def readers(
    running: Release, *, rate: float = 150.0, keys: int = 20_000, **how: Any
) -> Audience:
    """Make an audience whose questions come with a passage."""
    return Audience(running.gateway.data, rate=rate, keys=keys, behind=[FOUND], **how)


def results(running: Release) -> dict[str, int]:
    """Give what became of samples, by result."""
    found = running.gateway.metric("sluicegate_evaluations_total")
    return {labels["result"]: int(value) for labels, value in found}
