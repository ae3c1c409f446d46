"""Reads one answer to its last byte and says whether it was whole, and whose it was."""

import json
from collections.abc import AsyncIterable
from typing import Final

from gateway.cli.demo.ledger import Ending
from gateway.cli.demo.overheard import Quote

_FIELD: Final = b"data:"
_DONE: Final = b"[DONE]"


class Answer:
    """What has come of one answer.

    Attributes:
        claim: The `model` that its body names; None while it named none.
        ending: FAILED until content was promised, CUT until it was whole.

    """

    def __init__(self) -> None:
        self.claim: str | None = None
        self.ending = Ending.FAILED
        self._is_finished = False

    def read_whole(self, body: bytes) -> None:
        """Take a body that was not streamed.

        Raises:
            ValueError: It is no JSON, so it stays cut.

        """
        self.ending = Ending.CUT
        self._take(json.loads(body))
        if self._is_finished:
            self.ending = Ending.WHOLE

    async def read_stream(
        self, lines: AsyncIterable[bytes], quote: Quote | None
    ) -> None:
        """Take an event stream line by line, and let *quote* follow its words.

        Raises:
            ValueError: An event is no JSON, so it stays cut.

        """
        self.ending = Ending.CUT
        async for line in lines:
            if not line.startswith(_FIELD):
                continue
            event = line.removeprefix(_FIELD).strip()
            if event != _DONE:
                word = self._take(json.loads(event))
                if quote is not None:
                    quote.text += word
            elif self._is_finished:
                self.ending = Ending.WHOLE

    def _take(self, said: object) -> str:
        """Read a completion or a chunk of one; give the words in it."""
        match said:
            case {
                "model": str(model),
                "choices": [{"finish_reason": reason} as choice],
            }:
                self.claim = model
                self._is_finished = self._is_finished or reason == "stop"
                return _words(choice)
            case _:
                return ""


def _words(choice: object) -> str:
    match choice:
        case {"delta": {"content": str(words)}}:
            return words
        case _:
            return ""
