"""A gateway with a rollout before two model servers, and what is asked of it."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import time as unix  # ruff: ignore[banned-api]: the journal is in it
from typing import Any

from tests.end_to_end.running import (
    Gateway,
    ModelServer,
    call,
    configuration,
    running_gateway,
    until,
)

Json = dict[str, Any]

QUICK: Json = {
    "dwell": "1s",
    "minimum_units": 30,
    "closes": {"after": "2s", "grace": "2s"},
    "bake": "3s",
    "step_timeout": "10m",
}
"""An analysis that is as sound as the usual one, and waits for less."""

STEPS: list[Json] = [{"setWeight": 20}, {"setWeight": 50}, {"setWeight": 100}]


def release(
    servers: tuple[ModelServer, ModelServer],
    *,
    analysis: Mapping[str, object] | None = None,
    rollout: Mapping[str, object] | None = None,
    service: Mapping[str, object] | None = None,
    deadline: str = "1s",
    **settings: Any,
) -> Json:
    """Make a configuration in which v2 is released in the place of v1."""
    document = configuration([server.url for server in servers], **settings)
    chat = document["services"]["chat"]
    del chat["weights"]
    for version in chat["versions"].values():
        version["deadlines"] = {"first_token": deadline}
        version["price"] = {"input": 1.0, "output": 10.0}
    chat["rollout"] = {
        "steps": STEPS,
        "analysis": QUICK | dict(analysis or {}),
        **(rollout or {}),
    }
    chat |= service or {}
    return document


class Release:
    """A running rollout, seen from outside."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def act(self, action: str, **body: object) -> tuple[int, Json]:
        """Do something to the rollout; give status and answer."""
        path = f"/api/v1/services/chat/{action}"
        return call(self.gateway.admin, "POST", path, body)

    def start(self) -> Json:
        """Start it; fail where that is refused."""
        status, answer = self.act("start")
        assert status == 200, answer
        return answer

    def analysis(self) -> Json:
        """Give what is known."""
        return call(self.gateway.admin, "GET", "/api/v1/services/chat/analysis")[1]

    @property
    def standing(self) -> Json:
        """Where it stands."""
        found: Json = self.analysis()["rollout"]
        return found

    @property
    def phase(self) -> str:
        """The phase, or killed."""
        standing = self.standing
        return "killed" if standing["killed"] else str(standing["phase"])

    def journal(self, *kinds: str) -> list[Json]:
        """Give the journal's entries of these kinds; all without."""
        entries: list[Json] = []
        while True:
            after = entries[-1]["seq"] if entries else 0
            path = f"/api/v1/journal?after={after}&limit=500"
            page = call(self.gateway.admin, "GET", path)[1]["entries"]
            if not page:
                break
            entries += page
        return [one for one in entries if not kinds or one["kind"] in kinds]

    def until_phase(self, *phases: str, within_s: float = 60.0) -> float:
        """Wait for one of these phases; give the seconds it took."""
        return until(
            f"{phases}, not {self.standing}",
            lambda: self.phase in phases,
            within_s=within_s,
        )

    def until_step(self, number: int, *, within_s: float = 60.0) -> None:
        """Wait until the step of this number, from 1, has begun."""
        until(
            f"step {number}, not {self.standing}",
            lambda: self._has_begun(number),
            within_s=within_s,
        )

    def _has_begun(self, number: int) -> bool:
        standing = self.standing
        return bool(standing["step"] + 1 >= number and standing["weight"] > 0)

    def decision(self) -> Json:
        """Give the journal's entry of the last move."""
        return self.journal("moved")[-1]


def moment(entry: Json) -> float:
    """Give when an entry of the journal was written, monotonic clock."""
    return float(entry["unix"]) - unix() + time.monotonic()


@contextmanager
def running_release(document: Json, folder: Path) -> Generator[Release]:
    """Run a gateway with a rollout for the length of the block."""
    with running_gateway(document, folder) as gateway:
        yield Release(gateway)


def plant(server: ModelServer, **behaviour: object) -> float:
    """Let a model server misbehave from now on; give the moment, monotonic clock."""
    status, answer = call(server.port, "POST", "/_behave", behaviour)
    assert status == 200, answer
    return time.monotonic()
