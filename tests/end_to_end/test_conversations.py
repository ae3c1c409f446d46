"""Conversations of the official client whose state lies on one version's server."""

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.end_to_end.releases import Json, Release, release, running_release
from tests.end_to_end.running import (
    Gateway,
    ModelServer,
    configuration,
    running_gateway,
    until,
)

Models = tuple[ModelServer, ModelServer]

HOLD: Json = {"steps": [{"setWeight": 50}, {"pause": {}}]}
DRAIN: Json = {**HOLD, "on_rollback": "drain", "drain_timeout": "2s"}


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    """Give a client that makes a connection for each request: any worker may have it."""
    with openai.OpenAI(
        base_url="http://127.0.0.1:1/v1",
        api_key="sk-none",
        max_retries=0,
        default_headers={"connection": "close"},
    ) as made:
        yield made


class Talk:
    """Says something, and goes on from what was said before, by response ids."""

    def __init__(self, client: openai.OpenAI, gateway: Gateway) -> None:
        self.client = client.with_options(base_url=f"{gateway.url}/v1")

    def say(self, after: str | None = None, **more: Any) -> str:
        """Say something; give the response's id."""
        asked: dict[str, Any] = {"model": "m", "input": "hello", "store": True, **more}
        if after is not None:
            asked["previous_response_id"] = after
        if asked.pop("streamed", False):
            with self.client.responses.stream(**asked) as stream:
                stream.until_done()
                return stream.get_final_response().id
        return str(self.client.responses.create(**asked).id)

    def goes_on(self, made: str) -> str:
        """Go on, by whichever workers; give the last response's id."""
        for number in range(6):
            made = self.say(made, streamed=number % 2 == 1)
        return made

    def on(self, version: str) -> str:
        """Say something new until *version* answers; the split is no 0 % for it."""
        for number in range(200):
            made = self.say(extra_headers={"x-user-id": f"user-{number}"})
            if _on(made) == version:
                return made
        raise AssertionError(f"{version} answers nobody")

    def is_lost(self, made: str) -> bool:
        """Whether the server that is asked knows nothing of it, and says so."""
        with pytest.raises(openai.NotFoundError, match="not found"):
            self.say(made)
        return True


def _on(made: str) -> str:
    return made.split("_")[1]


def test_a_conversation_goes_on_where_it_began(
    models: Models, tmp_path: Path, client: openai.OpenAI
) -> None:
    document = configuration([m.url for m in models], weight=0, workers=2)
    with running_gateway(document, tmp_path) as gateway:
        talk = Talk(client, gateway)
        made, kept = talk.say(), talk.client.conversations.create()
        gateway.set_weight(100)

        made = talk.goes_on(made)
        assert _on(talk.say(conversation=kept.id)) == "v1"
        assert talk.client.responses.retrieve(made).id == made
        assert talk.client.conversations.retrieve(kept.id).id == kept.id

        old = gateway.workers()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        until("new workers", lambda: gateway.has_new("worker", old, count=2))
        made = talk.goes_on(made)

        before = gateway.controller()
        os.kill(before, signal.SIGKILL)
        made = talk.goes_on(made)  # while nobody is there
        until("a controller", lambda: gateway.has_new("controller", [before]))
        until("its API", gateway.is_administered)
        gateway.set_weight(90)
        made = talk.goes_on(made)

        assert _on(made) == "v1"
        assert _followed(gateway, "v1") > 0


def _followed(gateway: Gateway, version: str) -> float:
    wanted = {"service": "chat", "version": version, "found": "followed"}
    pinned = gateway.metric("sluicegate_pinned_requests_total")
    return sum(number for labels, number in pinned if labels == wanted)


@contextmanager
def begun(models: Models, folder: Path, rollout: Json) -> Generator[Release]:
    """Give a rollout whose candidate has half of the traffic."""
    document = release(models, rollout=rollout, workers=2)
    with running_release(document, folder) as running:
        running.start()
        running.until_step(1)
        yield running


def test_a_rollback_moves_conversations_at_once(
    models: Models, tmp_path: Path, client: openai.OpenAI
) -> None:
    """What the candidate's server held is lost to them, and the client is told so."""
    with begun(models, tmp_path, HOLD) as running:
        talk = Talk(client, running.gateway)
        made = talk.goes_on(talk.on("v2"))
        assert _on(made) == "v2"

        running.act("abort")

        assert talk.is_lost(made)
        assert _on(talk.say()) == "v1"


def test_a_rollback_that_drains_lets_conversations_end_but_for_a_kill(
    models: Models, tmp_path: Path, client: openai.OpenAI
) -> None:
    with begun(models, tmp_path, DRAIN) as running:
        talk = Talk(client, running.gateway)
        made = talk.on("v2")
        running.act("abort")

        made = talk.goes_on(made)
        assert _on(made) == "v2"
        assert {_on(talk.say()) for _ in range(10)} == {"v1"}
        assert 0 < running.standing["drain_left_seconds"] <= 2
        until("drained", lambda: running.standing["drain_left_seconds"] == 0)
        assert talk.is_lost(made)
        assert "had 2 s to end there" in running.standing["cause"]

        running.act("retry")
        running.until_step(1)
        made = talk.on("v2")
        running.act("abort")
        assert _on(talk.say(made)) == "v2"
        running.act("kill")
        assert talk.is_lost(made)
        running.act("unkill")
        assert talk.is_lost(made)
