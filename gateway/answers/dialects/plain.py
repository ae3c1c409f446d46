"""Anything over HTTP: only its transport and its status say what an answer was."""

from collections.abc import Sequence
from typing import Final

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import NOTHING, Asked
from gateway.answers.dialect import Dialect


def read_request(body: bytes, needs_prompt: bool) -> Asked:
    """Read nothing."""
    return NOTHING


def read_whole(answer: Answer, body: bytes) -> None:
    """Take it as it is."""
    answer.is_terminated = True
    answer.content_events += 1
    answer.finish(0, Finish.STOP)


def read_events(answer: Answer, events: Sequence[bytes]) -> None:
    """Take them as they are: the transport alone tells whether they are all."""
    answer.is_terminated = True
    answer.content_events += len(events)
    answer.finish(0, Finish.STOP)


PLAIN: Final = Dialect(
    name="plain",
    family="plain",
    paths=(),
    read_request=read_request,
    read_whole=read_whole,
    read_events=read_events,
    is_text=False,
)
