"""Everything there is to show at one moment; what draws it changes nothing in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.cli.demo.gate import Again, Look, seen_in
from gateway.cli.demo.judge import Account
from gateway.cli.demo.judging import Judging
from gateway.cli.demo.ledger import Ledger
from gateway.cli.demo.models import Sent
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.script import JUDGED, LONG, SEGMENT, Act, Script
from gateway.cli.demo.seen import NOTHING_YET, Seen, requests
from gateway.cli.demo.story import Move, moves_in, stretches_of
from gateway.cli.views import FindingView, RolloutView, Statistics

SOON_S: Final = 1.0
"""By when after its decision a rollback has to be over."""

_ENDED: Final = frozenset({"promoted", "rolled_back", "aborted"})
_IDLE: Final = RolloutView(phase="idle")


@dataclass(slots=True, kw_only=True)
class Scene:
    """The demo as it stands, by three accounts.

    Attributes:
        script: What is played.
        ledger: What the visitors counted so far.
        sent: What the model servers say they sent so far.
        judge: What the judge says it did so far.
        overheard: What is being answered.
        started_at: Monotonic, when the first visitor came.
        at: Which act is on, from 0.
        looked: What the gateway said when it was asked last; None before.
        moves: All decisions so far.
        again: What replaying them came to; None before the end.

    """

    script: Script
    ledger: Ledger
    sent: Mapping[str, Sent]
    judge: Account
    overheard: Overheard
    started_at: float
    at: int = 0
    looked: Look | None = None
    moves: list[Move] = field(default_factory=list)
    again: Again | None = None

    @property
    def act(self) -> Act:
        """The act that is on."""
        return self.script.acts[self.at]

    @property
    def rollout(self) -> RolloutView:
        """Where the rollout of this act stands; idle before it has begun."""
        looked = self.looked
        has_begun = any(move.candidate == self.act.candidate for move in self.moves)
        return looked.analysed.rollout if looked and has_begun else _IDLE

    @property
    def findings(self) -> list[FindingView]:
        """What is known, by metric and segment."""
        is_on = self.looked is not None and self.rollout is not _IDLE
        return self.looked.analysed.metrics if is_on and self.looked else []

    @property
    def judging(self) -> Judging:
        """What judging came to, as the gateway says."""
        return Judging() if self.looked is None else self.looked.judging

    @property
    def by_the_judge(self) -> FindingView | None:
        """What the judge's verdicts on long contexts came to; None: nothing yet."""
        own = (one for one in self.findings if one.metric == JUDGED)
        return next((one for one in own if one.segment == (SEGMENT, LONG)), None)

    @property
    def is_over(self) -> bool:
        """Whether this act's rollout has ended, one way or the other."""
        return self.rollout.phase in _ENDED

    @property
    def is_as_promised(self) -> bool:
        """Whether it has ended as it must."""
        return self.rollout.phase == self.act.ends_in

    @property
    def seen(self) -> Seen:
        """What the gateway counted, by version."""
        return {} if self.looked is None else seen_in(self.looked)

    def of(self, version: str) -> Statistics:
        """Give what the gateway saw of *version*; zeros before it was asked."""
        return self.seen.get(version, NOTHING_YET)

    def take(self, look: Look) -> None:
        """Take what the gateway said, and settle what came before."""
        self.looked = look
        self.moves += moves_in(look.entries)
        known = self.ledger.stretches
        known += stretches_of(self.moves)[len(known) :]
        self.ledger.settle(look.at)

    def decision(self, act: Act) -> Move | None:
        """Give the move that ended an act; None: there was none."""
        own = [move for move in self.moves if move.candidate == act.candidate]
        return own[-1] if own and own[-1].phase in _ENDED else None

    def lasted(self, act: Act) -> float | None:
        """Give the seconds from an act's begin to its end; None: it has not ended."""
        own = [move for move in self.moves if move.candidate == act.candidate]
        end = self.decision(act)
        return None if end is None else end.at - own[0].at

    def problems(self) -> list[str]:
        """Say what must not have happened, once all is over; empty when all went well."""
        return [
            *self._broken_promises(),
            *self.ledger.problems(),
            *self._disagreements(),
        ]

    def _broken_promises(self) -> Iterator[str]:
        for act in self.script.acts:
            end = self.decision(act)
            if end is None:
                yield f"The release of {act.candidate} came to no end."
            elif end.phase != act.ends_in:
                yield f"{act.candidate} was to be {act.ends_in}, and is {end.phase}."
            elif end.by_others:
                others = " and ".join(end.by_others)
                yield f"It was not the judge alone who caught {act.candidate}: {others}."
            elif end.findings and end.by_the_judge is None:
                yield f"It was not by long contexts that {act.candidate} was caught."
        if self.ledger.late is not None and self.ledger.late > SOON_S:
            yield (
                f"Requests sent {self.ledger.late:.1f} s after the decision still went "
                "to the version that was taken back."
            )
        if self.again is not None and not self.again.is_same:
            yield f"The journal does not lead to the same decisions: {self.again.told}"

    def _disagreements(self) -> Iterator[str]:
        counted, met = requests(self.seen), dict(self.ledger.by_version)
        sent = {name: one.answers for name, one in self.sent.items() if one.answers}
        if not counted == met == sent:
            yield (
                f"The gateway counted {counted}, the visitors {met}, the model servers "
                f"{sent}."
            )
        if self.judging.failed or self.judging.judged != self.judge.judged:
            yield (
                f"The gateway counted {self.judging.judged} verdicts and "
                f"{self.judging.failed} failures of the judge, the judge "
                f"{self.judge.judged} verdicts."
            )
