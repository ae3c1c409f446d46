"""Everything there is to show at one moment; what draws it changes nothing in it."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.cli.demo.chapters import ROLES, Chapter, Script
from gateway.cli.demo.gate import Move
from gateway.cli.demo.ledger import Ledger
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.seen import NOTHING_YET, Seen, Sent, requests
from gateway.cli.views import Statistics
from gateway.domain.outcome import Outcome


@dataclass(slots=True, kw_only=True)
class Scene:
    """The demo as it stands, by three accounts.

    Attributes:
        script: What is played.
        ledger: What the visitors counted so far.
        sent: What the model servers say they sent so far.
        overheard: What is being answered.
        started_at: Monotonic, when the first visitor came.
        at: Which chapter is on, from 0.
        moves: The weight changes so far, in order.
        seen: What the gateway counted, when it was asked last.

    """

    script: Script
    ledger: Ledger
    sent: Sent
    overheard: Overheard
    started_at: float
    at: int = 0
    moves: list[Move] = field(default_factory=list)
    seen: Seen = field(default_factory=dict)

    @property
    def chapter(self) -> Chapter:
        """The chapter that is on."""
        return self.script.chapters[self.at]

    def of(self, version: str) -> Statistics:
        """Give what the gateway saw of *version*; zeros before it was asked."""
        return self.seen.get(version, NOTHING_YET)

    def share(self, version: str) -> float | None:
        """Give *version*'s part of all requests the gateway saw, in percent."""
        total = sum(requests(self.seen).values())
        return 100.0 * self.of(version).requests / total if total else None

    @property
    def cut_on_the_way(self) -> int:
        """How many answers were cut for the visitors, but not by a model server."""
        return max(0, self.ledger.cut - self._sent(Outcome.TRUNCATED))

    @property
    def agrees_with_models(self) -> bool:
        """Whether the gateway's outcomes are what the model servers say they sent."""
        return not self._disagreements_with_models()

    def problems(self) -> list[str]:
        """Say what must not have happened, once all is over; empty when all went well."""
        return [
            *self.ledger.problems(),
            *self._disagreements_with_visitors(),
            *self._disagreements_with_models(),
        ]

    def _disagreements_with_visitors(self) -> list[str]:
        found = [
            f"The visitors met {met} answers that {how}, and the model servers sent {sent}."
            for how, met, sent in (
                ("were cut", self.ledger.cut, self._sent(Outcome.TRUNCATED)),
                (
                    "had an error inside",
                    self.ledger.broken,
                    self._sent(Outcome.STREAM_ERROR),
                ),
            )
            if met != sent
        ]
        counted, expected = requests(self.seen), self.ledger.requests_by_version()
        if counted != expected:
            found.append(f"The gateway counted {counted}, the visitors {expected}.")
        return found

    def _disagreements_with_models(self) -> list[str]:
        return [
            f"Of {name} the gateway counted {_told(counted)}; "
            f"the model server says it sent {_told(sent)}."
            for name in ROLES
            if (counted := Counter(self.of(name).outcomes))
            != (sent := Counter({str(key): n for key, n in self.sent[name].items()}))
        ]

    def _sent(self, outcome: Outcome) -> int:
        return sum(sent[outcome] for sent in self.sent.values())


def _told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(outcomes.items())) or "nothing"
