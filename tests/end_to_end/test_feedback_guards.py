"""A release that is guarded by what users say of its answers, within two seconds of them."""

import http.client
import json
import queue
import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import Json, Release, release, running_release
from tests.end_to_end.running import PATIENCE_S, ModelServer, tell, until

Models = tuple[ModelServer, ModelServer]

THUMBS = "feedback:thumbs_down"
DOWN: Json = {
    "signal": THUMBS,
    "worse": "higher",
    "margin": {"relative": 1.0, "absolute": 0.1},
}
SERVICE = {"feedback": {"deadline": "2s", "signals": ["thumbs_down"]}}
STEPS = [{"setWeight": 20}, {"setWeight": 50}, {"setWeight": 100}]


class Raters(Audience):
    """Visitors who say what they think of an answer, some of them, and at once.

    Attributes:
        rates: How many of those that a version answers say that it was bad.
        said: By version, how many have.

    """

    def __init__(self, running: Release, rates: dict[str, float]) -> None:
        super().__init__(running.gateway.data, rate=250)
        self.rates = rates
        self.said = dict.fromkeys(rates, 0)
        self._dice = random.Random(5)
        self._admin = running.gateway.admin
        self._posts: queue.Queue[str | None] = queue.Queue()
        self._poster = threading.Thread(target=self._post_all)

    def __enter__(self) -> Self:
        self._poster.start()
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._posts.put(None)
        self._poster.join(PATIENCE_S)

    def answered(self, version: str, headers: Mapping[bytes, bytes]) -> None:
        """Say so of some answers."""
        if version and self._dice.random() < self.rates[version]:
            self.said[version] += 1
            self._posts.put(headers[b"x-sluicegate-request-id"].decode())

    def _post_all(self) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._admin, timeout=PATIENCE_S
        )
        while request_id := self._posts.get():
            said = {"request_id": request_id, "signal": "thumbs_down", "value": 1}
            headers = {"content-type": "application/json"}
            connection.request(
                "POST", "/api/v1/feedback", json.dumps(said).encode(), headers
            )
            connection.getresponse().read()
        connection.close()


def guarded(models: Models, *, steps: list[Json], more: list[Json]) -> Json:
    """Make a release that thumbs guard, and *more*."""
    return release(
        models,
        rollout={"steps": steps},
        analysis={"metrics": [DOWN, *more]},
        service=SERVICE,
    )


def test_a_candidate_that_users_dislike_is_taken_back(
    models: Models, tmp_path: Path
) -> None:
    """Thumbs down from 2 to 40 %: nothing in the answers shows it."""
    held: list[Json] = [{"setWeight": 20}, {"pause": {}}]
    with (
        running_release(
            guarded(models, steps=held, more=[{"signal": "error_rate"}]), tmp_path
        ) as running,
        Raters(running, {"v1": 0.02, "v2": 0.02}) as raters,
    ):
        running.start()
        running.until_step(1)
        time.sleep(3.0)
        raters.rates, began = {"v1": 0.02, "v2": 0.4}, time.monotonic()

        running.until_phase("rolled_back")

        decision = running.decision()
        tell(
            f"thumbs_down 2 -> 40 %: {time.monotonic() - began:.1f} s after its onset, "
            f"of which 2 s are the deadline; {decision['body']['said']}"
        )
        assert decision["body"]["findings"][0]["metric"] == THUMBS
        assert running.gateway.candidate_weight() == 0


@pytest.mark.slow
def test_an_equal_candidate_is_proven_by_what_users_say(
    models: Models, tmp_path: Path
) -> None:
    """It waits for the deadline in each step, is not without data, and goes on."""
    with (
        running_release(guarded(models, steps=STEPS, more=[]), tmp_path) as running,
        Raters(running, {"v1": 0.02, "v2": 0.02}) as raters,
    ):
        running.start()
        running.until_step(1)
        until("there are units", lambda: running.analysis()["evidence"]["units"])
        assert THUMBS not in running.analysis()["assessment"]["no_data"]

        running.until_step(2, within_s=90.0)

        tell(f"step 1 passed; {raters.said} said something")
        assert running.phase != "rolled_back"
        assert not running.analysis()["assessment"]["regressed"]
