"""What the journal is told of a rollout, so that who replays it comes to the same."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from gateway.analysis.counts import Counts
from gateway.control import blocks
from gateway.control.live import Live
from gateway.control.ruling import ANEW, JUDGES, MOVED
from gateway.delivery.events import Event, Moved, Ticked
from gateway.domain.rollout import Standing
from gateway.domain.units import percent_from_share
from gateway.domain.verdict import Assessment
from gateway.state.journal import BEGUN, BLOCK, Draft


def move_told(
    service: str,
    before: Standing,
    event: Event,
    moved: Moved,
    told: Mapping[str, object],
    *,
    at: float,
) -> Draft:
    """Tell of a move.

    Args:
        service: Its name.
        before: Where it stood.
        event: What happened.
        moved: What came of it.
        told: By whom and why, and what it rests on; the design of an attempt that begins.
        at: Unix time in seconds.

    """
    after = moved.standing
    body: dict[str, object] = {
        "said": moved.cause,
        **told,
        "event": _event(event),
        "phase": [before.phase, after.phase],
        "weight": [percent_from_share(before.share), percent_from_share(after.share)],
        "before": before,
        "after": after,
        "findings": moved.findings,
    }
    kind = MOVED if after.attempt == before.attempt else BEGUN
    return _draft(service, kind, body, at)


def anew_told(live: Live, why: str, *, at: float) -> Draft:
    """Tell that an attempt is examined from nothing, with which part of its alpha."""
    body = {
        "said": why,
        "attempt": live.attempt,
        "examination": live.number,
        "is_provisional": live.is_provisional,
        "design": live.examination.design,
    }
    return _draft(live.service, ANEW, body, at)


def block_told(live: Live, counts: Counts, *, at: float) -> Draft:
    """Tell what the block that closes has counted."""
    body = {
        "number": live.block,
        "attempt": live.attempt,
        "revision": live.revision,
        "stage": live.stage,
        "counts": msgspec.Raw(blocks.written(counts)),
    }
    return _draft(live.service, BLOCK, body, at)


def judges_told(
    live: Live, before: Mapping[str, str], said: str, *, voids: bool, at: float
) -> Draft:
    """Tell who judges an attempt from now on.

    Args:
        live: Knows who it is.
        before: Who it was, by name; nothing at the beginning.
        said: In a sentence or two.
        voids: Whether nothing can be proven any more because of that.
        at: Unix time in seconds.

    """
    body = {
        "said": said,
        "attempt": live.attempt,
        "examination": live.number,
        "judges": live.judges,
        "before": before,
        "voids": voids,
    }
    return _draft(live.service, JUDGES, body, at)


def _draft(service: str, kind: str, body: object, at: float) -> Draft:
    return Draft(at=at, service=service, kind=kind, body=msgspec.json.encode(body))


def _event(event: Event) -> dict[str, object]:
    """Write what replaying needs of an event; what was known follows from the blocks."""
    if isinstance(event, Ticked):
        event = replace(event, assessment=Assessment())
    return {"kind": type(event).__name__, **msgspec.to_builtins(event)}
