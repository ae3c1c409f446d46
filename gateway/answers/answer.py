"""An answer as it grows: what a dialect has read from it so far, in bounded memory."""

from enum import Enum, auto
from typing import Final

from gateway.answers.text import Text
from gateway.answers.usage import Usage

MOST_CHOICES: Final = 128
MOST_CALLS: Final = 64
LONGEST_ARGUMENTS: Final = 64 * 1024
"""Characters of one tool call's arguments; of a longer one only the length is known."""


class Finish(Enum):
    """Why a model stopped, in one vocabulary for all dialects."""

    STOP = auto()
    TOOL_CALLS = auto()
    LENGTH = auto()
    CONTENT_FILTER = auto()
    REFUSAL = auto()
    PAUSED = auto()  # Anthropic's pause_turn: whole as it is, to be continued
    OTHER = auto()  # a reason we do not know is still a reason


class ToolCall:
    """One call of a tool, its arguments concatenated.

    Attributes:
        name: Of the tool; may come in a later piece.
        arguments: JSON text, or not; whole unless `is_too_long`.
        is_too_long: More than LONGEST_ARGUMENTS came; the rest was dropped.

    """

    __slots__ = ("_length", "_pieces", "is_too_long", "name")

    def __init__(self, name: str = "", arguments: str = "") -> None:
        self.name = name
        self._pieces = [arguments] if arguments else []
        self._length = len(arguments)
        self.is_too_long = self._length > LONGEST_ARGUMENTS

    def add(self, arguments: str) -> None:
        """Take the next piece of the arguments."""
        self._length += len(arguments)
        if self._length > LONGEST_ARGUMENTS:
            self.is_too_long = True
        elif arguments:  # empty pieces would pile up
            self._pieces.append(arguments)

    @property
    def arguments(self) -> str:
        """The arguments so far."""
        return "".join(self._pieces)


class Answer:
    """What one answer was. A dialect writes here; judges and signals read.

    Attributes:
        text: What was said, of the first choice; without reasoning and refusals.
        finishes: Choice index to why it stopped; None while it goes on. A choice is
            here from its first event on.
        calls: Tool calls by a key of the dialect's own, in order of appearance.
        usage: The last tokens reported; None when none were.
        model: The model's name as the server says it.
        state: The id under which the server keeps it; None where none was said.
        content_events: Events that brought content: text, reasoning, refusal, or a
            piece of a tool call. For a whole answer 1 when there is any content.
        has_error: An error event, or an error body, inside a 200.
        shows_reasoning: Reasoning itself, and not a summary of it, came in events;
            noted by the dialects whose usage may count reasoning.
        has_refusal: The protocol itself says that the model refused.
        is_terminated: The dialect's own end mark came ([DONE], message_stop, …).
        is_garbled: Something inside was not what the dialect says it must be.
        has_gaps: Events were too long to be read, and nobody knows what they said.

    """

    __slots__ = (
        "calls",
        "content_events",
        "finishes",
        "has_error",
        "has_gaps",
        "has_refusal",
        "is_garbled",
        "is_terminated",
        "model",
        "shows_reasoning",
        "state",
        "text",
        "usage",
    )

    def __init__(self) -> None:
        self.text = Text()
        self.finishes: dict[int, Finish | None] = {}
        self.calls: dict[object, ToolCall] = {}
        self.usage: Usage | None = None
        self.model: str | None = None
        self.state: bytes | None = None
        self.content_events = 0
        self.has_error = False
        self.shows_reasoning = False
        self.has_refusal = False
        self.is_terminated = False
        self.is_garbled = False
        self.has_gaps = False

    def finish(self, choice: int, why: Finish) -> None:
        """Note why a choice stopped."""
        if choice in self.finishes or len(self.finishes) < MOST_CHOICES:
            self.finishes[choice] = why

    def begin(self, choice: int) -> None:
        """Note that a choice is there."""
        if choice not in self.finishes and len(self.finishes) < MOST_CHOICES:
            self.finishes[choice] = None

    def call(self, key: object, name: str, arguments: str) -> None:
        """Take (a piece of) a tool call."""
        known = self.calls.get(key)
        if known is not None:
            known.name = known.name or name
            known.add(arguments)
        elif len(self.calls) < MOST_CALLS:
            self.calls[key] = ToolCall(name, arguments)

    @property
    def is_finished(self) -> bool:
        """Whether there is a choice, and each has a reason why it stopped."""
        return bool(self.finishes) and None not in self.finishes.values()

    @property
    def has_content(self) -> bool:
        """Whether anything was said, refused or called."""
        return self.content_events > 0
