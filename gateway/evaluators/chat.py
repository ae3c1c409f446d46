"""Asks an OpenAI-compatible /chat/completions, and learns what the server at hand takes.

Servers differ in how a reply is forced into a schema (OpenAI, vLLM, SGLang, llama.cpp:
json_schema; llama-cpp-python: json_object with a schema; others: json_object, or
nothing), in the name of the limit (newer models of OpenAI: max_completion_tokens), and in
whether they take a temperature or a system message. A 400, 422 or 500 names what it does
not like: it is left out, and that is remembered once the server has answered without it.
Some take everything and obey nothing, so no reply is trusted to fit (reply.py).
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import msgspec
import orjson

from gateway.evaluators.bounds import Bounds
from gateway.evaluators.evaluator import Used
from gateway.evaluators.server import Server
from gateway.evaluators.sheet import Sheet

_ABSURD: Final = 100_000_000
_FORMATS: Final = ("json_schema", "json_object with a schema", "json_object", "none")
_OF_FORMAT: Final = ("response_format", "schema", "grammar", "json_object")
_LIMIT: Final = "max_tokens"
_OTHER_LIMIT: Final = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Manners:
    """What a server takes.

    Attributes:
        format: Which of _FORMATS.
        limit: What it calls the limit of tokens.
        has_temperature: Whether it can be set.
        has_system: Whether there are system messages.

    """

    format: int = 0
    limit: str = _LIMIT
    has_temperature: bool = True
    has_system: bool = True

    def milder(self, complaint: str) -> "Manners | None":
        """Leave out what a server complains of; None: there is nothing to leave out."""
        if self.limit == _LIMIT and _LIMIT in complaint and _OTHER_LIMIT in complaint:
            return replace(self, limit=_OTHER_LIMIT)
        if self.has_temperature and "temperature" in complaint:
            return replace(self, has_temperature=False)
        names_format = any(word in complaint for word in _OF_FORMAT)
        if self.format + 1 < len(_FORMATS) and names_format:
            return replace(self, format=self.format + 1)
        if self.has_system and "system" in complaint and "role" in complaint:
            return replace(self, has_system=False)
        return None


class Said(NamedTuple):
    """What a model answered.

    Attributes:
        content: Its text; "" when there is none.
        used: See Used.
        is_cut: Whether it reached the limit of tokens.

    """

    content: str
    used: Used
    is_cut: bool


class Chat:
    """See the module.

    Args:
        server: Where to ask.
        model: As the server knows it.
        max_tokens: What it may write.

    """

    def __init__(self, server: Server, model: str, max_tokens: int) -> None:
        self._server = server
        self._model = model
        self._max_tokens = max_tokens
        self._manners = Manners()
        self._bounds = Bounds()

    def most(self, sheet: Sheet) -> Used:
        """Give an upper bound of the tokens of one call."""
        return Used(self._bounds.of(sheet), self._max_tokens)

    async def ask(self, sheet: Sheet) -> Said:
        """Ask once; what the server refuses of the form, without it.

        Raises:
            JudgeFailed: It did not answer.

        """
        manners, most = self._manners, self.most(sheet)
        while True:
            posted = await self._server.post(self._body(sheet, manners), most)
            if posted.complaint is None:
                self._manners = manners
                return self._said(posted.body, sheet, most)
            milder = manners.milder(posted.complaint)
            if milder is None:
                raise posted.failure
            manners = milder

    def _body(self, sheet: Sheet, manners: Manners) -> bytes:
        body: dict[str, object] = {
            "model": self._model,
            "messages": _messages(sheet, has_system=manners.has_system),
            manners.limit: self._max_tokens,
        }
        if manners.has_temperature:
            body["temperature"] = 0
        if (wanted := _response_format(sheet, manners.format)) is not None:
            body["response_format"] = wanted
        return orjson.dumps(body)

    def _said(self, body: bytes, sheet: Sheet, most: Used) -> Said:
        try:
            completion = _COMPLETIONS.decode(body)
            choice = completion.choices[0]
        except (msgspec.DecodeError, IndexError, RecursionError):
            return Said("", most, False)
        content = choice.message.content
        usage = completion.usage
        if usage is not None and (took := _count(usage.prompt_tokens)) is not None:
            self._bounds.learn(sheet, took)
        return Said(
            content if isinstance(content, str) else "",
            used_of(usage, most),
            choice.finish_reason == "length",
        )


def _messages(sheet: Sheet, *, has_system: bool) -> list[dict[str, str]]:
    if has_system:
        return [
            {"role": "system", "content": sheet.system},
            {"role": "user", "content": sheet.user},
        ]
    return [{"role": "user", "content": f"{sheet.system}\n\n{sheet.user}"}]


def _response_format(sheet: Sheet, number: int) -> dict[str, object] | None:
    match _FORMATS[number]:
        case "json_schema":
            named = {"name": "verdict", "strict": True, "schema": sheet.schema}
            return {"type": "json_schema", "json_schema": named}
        case "json_object with a schema":
            return {"type": "json_object", "schema": sheet.sealed_schema()}
        case "json_object":
            return {"type": "json_object"}
        case _:
            return None


class Usage(msgspec.Struct, gc=False):
    """Tokens, as OpenAI's servers report them."""

    prompt_tokens: object = None
    completion_tokens: object = None


class _Message(msgspec.Struct, gc=False):
    content: object = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: object = None


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice]
    usage: Usage | None = None


_COMPLETIONS: Final = msgspec.json.Decoder(_Completion)


def used_of(usage: Usage | None, most: Used) -> Used:
    """Give the tokens that a server reports; what it does not is taken at the most."""
    if usage is None:
        return most
    return Used(
        _counted(usage.prompt_tokens, most.input),
        _counted(usage.completion_tokens, most.output),
    )


def _counted(reported: object, most: int) -> int:
    count = _count(reported)
    return most if count is None else count


def _count(reported: object) -> int | None:
    is_count = type(reported) is int and 0 <= reported < _ABSURD
    return reported if is_count and isinstance(reported, int) else None
