"""Reads one answer to its last byte and says whether it was whole, and whose it was.

This is the visitors' own judgement, made without the gateway's code: it sees what any
client could see. Whether a whole answer was a refusal or a loop is beyond it.
"""

import json
from collections.abc import AsyncIterable
from typing import Final

from gateway.cli.demo.ledger import Ending
from gateway.cli.demo.overheard import Quote

_FIELD: Final = b"data:"
_DONE: Final = b"[DONE]"
_REASONS: Final = frozenset({"stop", "length"})


class Answer:
    """What has come of one answer.

    Attributes:
        claim: The `model` that its body names; None while it named none.
        ending: FAILED until content was promised, then CUT until an end mark came:
            WHOLE with a reason why it stopped, BROKEN with an error in its place.

    """

    def __init__(self) -> None:
        self.claim: str | None = None
        self.ending = Ending.FAILED
        self._is_finished = False
        self._has_error = False

    def read_whole(self, body: bytes) -> None:
        """Take a body that was not streamed.

        Raises:
            ValueError: It is no JSON, so it stays cut.

        """
        self.ending = Ending.CUT
        self._take(json.loads(body))
        self._end()

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
            if event == _DONE:
                self._end()
                continue
            word = self._take(json.loads(event))
            if quote is not None:
                quote.text += word

    def _end(self) -> None:
        if self._has_error:
            self.ending = Ending.BROKEN
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
                self._is_finished = self._is_finished or reason in _REASONS
                return _words(choice)
            case {"error": _}:
                self._has_error = True
                return ""
            case _:
                return ""


def _words(choice: object) -> str:
    match choice:
        case {"delta": {"content": str(words)}}:
            return words
        case _:
            return ""
