"""Answers and requests as tests of signals need them."""

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked
from gateway.answers.signals import SIGNALS

JSON_WANTED = Asked(wants_json=True)


def said(text: str, *finishes: Finish | None) -> Answer:
    """Give an answer of one text; it stopped by itself unless told otherwise."""
    answer = Answer()
    if text:
        answer.text.add(text)
        answer.content_events = 1
    for choice, finish in enumerate(finishes or (Finish.STOP,)):
        if finish is None:
            answer.begin(choice)
        else:
            answer.finish(choice, finish)
    return answer


def called(*calls: tuple[str, str], finish: Finish = Finish.TOOL_CALLS) -> Answer:
    """Give an answer of calls: name and arguments."""
    answer = said("", finish)
    for key, (name, arguments) in enumerate(calls):
        answer.call(key, name, arguments)
    answer.content_events = len(calls)
    return answer


def given(
    *context: str, prompt: str | None = None, schema: bytes | None = None
) -> Asked:
    """Give a request with passages, a prompt, a schema."""
    return Asked(
        context=context, prompt=prompt, schema=schema, wants_json=schema is not None
    )


def measured(name: str, answer: Answer, asked: Asked | None = None) -> float | None:
    """Give the value of one signal."""
    return SIGNALS[name].measure(asked or Asked(), answer)
