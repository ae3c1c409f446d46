"""Every call names a tool that was offered, with arguments that fit its schema (1.0).

No arguments at all stand for `{}`: so servers write the call of a tool without any. None
when there are no calls, when the answer was cut, and when what the request offered is
not known or cannot be checked. Whether it was right to call is not judged.
"""

from typing import Final

from gateway.answers.answer import Answer, ToolCall
from gateway.answers.asked import MOST_TOOLS, Asked
from gateway.answers.json_schema import LARGEST, fits
from gateway.answers.signal import TOOLS_CALLED, Kind, Signal, Worse
from gateway.answers.wanted import is_cut, parse
from gateway.domain.outcome import Outcome


def _is_valid(asked: Asked, call: ToolCall, characters: int) -> bool | None:
    """Whether one call is; None when that cannot be told."""
    schema = asked.tools.get(call.name)
    if schema is None:
        return None if len(asked.tools) >= MOST_TOOLS else False
    if call.is_too_long:
        return None
    arguments = call.arguments
    value: object = parse(arguments) if arguments.strip() else {}
    if not isinstance(value, dict):
        return False
    return fits(schema, value, characters) if schema else True


def _verdict(asked: Asked, answer: Answer) -> bool | None:
    """Judge all calls, within the bounds of one: 64 calls may have 64 schemas."""
    calls = answer.calls.values()
    called = {call.name for call in calls}
    if sum(len(asked.tools.get(name, b"")) for name in called) > LARGEST:
        return None
    characters = sum(len(call.arguments) for call in calls)
    verdicts = {_is_valid(asked, call, characters) for call in calls}
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _measure(asked: Asked, answer: Answer) -> float | None:
    if not answer.calls or not asked.tools or is_cut(answer):
        return None
    verdict = _verdict(asked, answer)
    return None if verdict is None else float(verdict)


def _can_measure(asked: Asked, answer: Answer) -> bool:
    """Asked after a None only: with calls and tools, what was not cut has bounds."""
    return not answer.calls or not asked.tools or is_cut(answer)


TOOL_CALL_VALIDITY: Final = Signal(
    name="tool_call_validity",
    kind=Kind.FLAG,
    worse=Worse.LOWER,
    measure=_measure,
    only=TOOLS_CALLED,
    verdict=(0.0, Outcome.INVALID),
    can_measure=_can_measure,
)
