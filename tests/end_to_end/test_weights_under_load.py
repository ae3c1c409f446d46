"""Two hundred weight changes at full speed, and nobody notices."""

import asyncio
import time
from collections import Counter
from pathlib import Path

from loadtest.load.traffic import Exchange, Traffic
from tests.end_to_end.running import (
    BOTH,
    Gateway,
    ModelServer,
    configuration,
    not_ok,
    running_gateway,
    tell,
    until,
    until_soon,
)

CHANGES = 200
EVERY_S = 0.015
LONGEST_S = 60.0
PERCENTS = (0.0, 100.0, 12.5, 87.501, 50.0)  # none and all can be checked exactly

Change = tuple[float, float, float]
"""Percent of v2, when it was asked for, when that was answered (monotonic)."""


async def change_weights(gateway: Gateway, exchanges: list[Exchange]) -> list[Change]:
    """Change them again and again; each was used before the next."""
    changes = []
    for number in range(CHANGES):
        percent = PERCENTS[number % len(PERCENTS)]
        asked = time.monotonic()
        await asyncio.to_thread(gateway.set_weight, percent)
        changes.append((percent, asked, time.monotonic()))
        seen = len(exchanges)
        await asyncio.sleep(EVERY_S)
        await until_soon("used", lambda seen=seen: len(exchanges) > seen)  # type: ignore[misc]
    return changes


def disobeyed(changes: list[Change], exchanges: list[Exchange]) -> list[Exchange]:
    """Give what began under a weight of none or all and met the other version."""
    wrong = {0.0: "v2", 100.0: "v1"}
    ends = [asked for _percent, asked, _answered in changes[1:]]
    return [
        each
        for (percent, _asked, answered), end in zip(changes, ends, strict=False)
        for each in exchanges
        if answered <= each.begun < end and each.version == wrong.get(percent)
    ]


async def test_weight_changes_cost_no_request_and_cut_no_stream(
    models: tuple[ModelServer, ModelServer], tmp_path: Path
) -> None:
    document = configuration([server.url for server in models])
    with running_gateway(document, tmp_path) as gateway:
        traffic = Traffic(gateway.data, posts=8, streams=24)
        async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as tasks:
            traffic.start(tasks)
            await asyncio.sleep(0.2)
            changes = await change_weights(gateway, traffic.exchanges)
            traffic.stop()
        exchanges = traffic.exchanges

        assert not not_ok(exchanges)
        assert not disobeyed(changes, exchanges)
        streams = sum(each.streamed for each in exchanges)
        assert streams > 24
        assert len(exchanges) - streams > CHANGES

        met = Counter(each.version for each in exchanges)
        assert set(met) == set(BOTH)
        until("all is reported", lambda: counted(gateway) == met)
        outcomes = gateway.outcomes()
        assert {name: outcomes[name]["complete"] for name in BOTH} == met
        assert {
            name: models[at].stats()["requests"] for at, name in enumerate(BOTH)
        } == met
        assert all(server.stats()["cancelled"] == 0 for server in models)
    tell_figures(changes, exchanges)


def counted(gateway: Gateway) -> Counter[str]:
    """Give how many exchanges of each version the gateway counts, whatever their end."""
    return Counter({name: sum(n.values()) for name, n in gateway.outcomes().items()})


def tell_figures(changes: list[Change], exchanges: list[Exchange]) -> None:
    """Say how fast it went, for people who run this with -rP."""
    took = sorted(answered - asked for _percent, asked, answered in changes)
    seconds = changes[-1][2] - changes[0][1]
    tell(
        f"{len(exchanges)} exchanges in {seconds:.1f} s; changes answered after"
        f" {took[len(took) // 2] * 1e3:.1f} ms (median), {took[-1] * 1e3:.1f} ms (worst)"
    )
