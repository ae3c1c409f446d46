"""What is known of a rollout, put together for whoever asks: now, or as it was at the end."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gateway.control.ended import Ended
from gateway.control.live import Live
from gateway.domain.verdict import Assessment, Finding

_AT_ONCE: Final = 20
"""Findings; more would hold the decisions up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the analyzer knows; see admin.ports.Examined."""

    number: int
    alpha: float
    unit: str
    sampled: float
    split_checked: float
    age: float | None
    as_of: float | None = None
    assessment: Assessment
    findings: tuple[Finding, ...]


async def examined_now(live: Live, now: float) -> Examined:
    """Give what is known of a rollout that is on."""
    design = live.examination.design
    return Examined(
        number=live.number,
        alpha=design.alpha,
        unit=_unit(by_request=design.by_request),
        sampled=live.examination.sampled,
        split_checked=live.examination.split_checked,
        age=None if live.newest is None else now - live.newest,
        assessment=live.assessment,
        findings=await _gathered(live.examination.findings()),
    )


def examined_once(ended: Ended, age: float | None) -> Examined:
    """Give what was known of one when it ended."""
    return Examined(
        number=ended.examination,
        alpha=ended.alpha,
        unit=_unit(by_request=ended.by_request),
        sampled=ended.sampled,
        split_checked=ended.split_checked,
        age=age,
        assessment=ended.assessment,
        findings=ended.findings,
        as_of=ended.at,
    )


def _unit(*, by_request: bool) -> str:
    return "request" if by_request else "key"


async def _gathered(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    gathered: list[Finding] = []
    while some := list(islice(findings, _AT_ONCE)):
        gathered += some
        await asyncio.sleep(0)
    return tuple(gathered)
