"""Everything there is to show at one moment; what draws it changes nothing in it."""

from dataclasses import dataclass, field

from gateway.cli.demo.chapters import Chapter, Script
from gateway.cli.demo.gate import Move
from gateway.cli.demo.ledger import Ledger
from gateway.cli.demo.overheard import Overheard


@dataclass(slots=True, kw_only=True)
class Scene:
    """The demo as it stands.

    Attributes:
        script: What is played.
        ledger: What was counted so far.
        overheard: What is being answered.
        started_at: Monotonic, when the first visitor came.
        at: Which chapter is on, from 0.
        moves: The weight changes so far, in order.
        counted: Requests by version as the gateway counted them; empty until the end.

    """

    script: Script
    ledger: Ledger
    overheard: Overheard
    started_at: float
    at: int = 0
    moves: list[Move] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def chapter(self) -> Chapter:
        """The chapter that is on."""
        return self.script.chapters[self.at]

    def problems(self) -> list[str]:
        """Say what must not have happened, once all is over; empty when all went well."""
        problems = self.ledger.problems()
        expected = self.ledger.requests_by_version()
        if self.counted != expected:
            problems.append(
                f"The gateway counted {self.counted}, the visitors {expected}."
            )
        return problems
