"""What happens when: start everything, play the acts, count, stop everything."""

import asyncio
import signal
import time
from typing import Final

from rich.console import Console

from gateway.cli.demo.audience import Audience, audience
from gateway.cli.demo.ending import judged_by, summary, what_next
from gateway.cli.demo.gate import Gate
from gateway.cli.demo.gateway_process import Running, Servers, running_gateway
from gateway.cli.demo.judge import Judge, pretend_judge
from gateway.cli.demo.ledger import Ledger
from gateway.cli.demo.models import Pretended, pretend_models
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.script import Script
from gateway.cli.demo.visitors import Visitors

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count it."""

_ASK_S: Final = 0.25  # as often as the evidence is looked at
_LOOK_S: Final = 0.1
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def play(script: Script, console: Console, *, stay: bool) -> int:
    """Play *script* on *console*.

    Args:
        script: Which acts.
        console: Where to show it.
        stay: Leave everything running at the end, until Ctrl-C.

    Returns:
        0 when all went as promised, 1 when not, 130 when it was interrupted.

    Raises:
        GatewayError: The gateway did not start, or refused what it was asked.

    """
    try:
        return asyncio.run(_Play(script, console, stay=stay).run())
    except asyncio.CancelledError:
        console.print("Stopped. Nothing of the demo is running any more.")
        return INTERRUPTED
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


class _Play:
    """One performance; Ctrl-C breaks it off, and ends it when it only stays."""

    def __init__(self, script: Script, console: Console, *, stay: bool) -> None:
        self._script = script
        self._console = console
        self._stay = stay
        self._told_to_stop = asyncio.Event()
        self._is_over = False

    async def run(self) -> int:
        self._listen_for_signals()
        with self._console.status(
            "Starting model servers, a judge and a gateway …"
        ) as on:
            async with (
                pretend_models() as models,
                pretend_judge() as judge,
                running_gateway(
                    Servers(versions=models.versions(), judge=judge.evaluator()),
                    self._script,
                ) as running,
            ):
                on.stop()
                scene = await self._perform(running, models, judge)
                self._is_over = True
                failed = bool(scene.problems())  # now: who stays may ask for more
                await self._bow(scene, running)
        return 1 if failed else 0

    async def _perform(
        self, running: Running, models: Pretended, judge: Judge
    ) -> Scene:
        ledger = Ledger()
        scene = Scene(
            script=self._script,
            ledger=ledger,
            overheard=Overheard(time.monotonic),
            sent=models.sent,
            judge=judge.account,
            started_at=time.monotonic(),
        )
        gate = Gate(running.admin)
        visitors = Visitors(running.data, self._script, ledger, scene.overheard)
        with audience(self._console) as shown:
            async with asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(_keep_looking(shown, scene))
                coming = tasks.create_task(visitors.keep_coming())
                await _play_acts(scene, running, gate, shown)
                visitors.leave()
                await coming
                scene.take(
                    await gate.all_seen(ledger.by_version, lambda: judge.account.judged)
                )
                scene.again = await gate.replay()
                looking.cancel()
        return scene

    async def _bow(self, scene: Scene, running: Running) -> None:
        self._console.print(summary(scene))
        self._console.print()
        self._console.print(judged_by(running.config.read_text()))
        self._console.print()
        self._console.print(what_next(running if self._stay else None))
        if self._stay:
            await self._told_to_stop.wait()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        playing = asyncio.current_task()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._break_off, playing)

    def _break_off(self, playing: "asyncio.Task[int] | None") -> None:
        if (
            playing is not None
            and not self._is_over
            and not self._told_to_stop.is_set()
        ):
            playing.cancel()
        self._told_to_stop.set()


async def _play_acts(
    scene: Scene, running: Running, gate: Gate, shown: Audience
) -> None:
    """Play one act after the other, as long as they end as they must."""
    for at, act in enumerate(scene.script.acts):
        if at:
            running.configure(act)
            await gate.reload()
        scene.at = at
        shown.begin(scene)
        if not at:
            await _watch(scene, gate, scene.script.before_s)
        await gate.start()
        await _watch(scene, gate, act.patience_s, until_it_ends=True)
        await _watch(scene, gate, scene.script.after_s)
        if not scene.is_as_promised:
            return


async def _watch(
    scene: Scene, gate: Gate, seconds: float, *, until_it_ends: bool = False
) -> None:
    """Ask again and again how it stands, for so long at most."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (until_it_ends and scene.is_over):
        await asyncio.sleep(_ASK_S)
        scene.take(await gate.look())


async def _keep_looking(shown: Audience, scene: Scene) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        shown.look(scene)
