"""What happens when: start everything, play the chapters, count, stop everything."""

import asyncio
import signal
import time
from typing import Final

from rich.console import Console

from gateway.cli.demo.audience import Audience, audience
from gateway.cli.demo.chapters import Script
from gateway.cli.demo.ending import summary, what_next
from gateway.cli.demo.gate import Gate
from gateway.cli.demo.gateway_process import Running, running_gateway
from gateway.cli.demo.ledger import Ledger
from gateway.cli.demo.models import pretend_models
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.seen import Sent
from gateway.cli.demo.visitors import Visitors

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells count it."""

_ASK_S: Final = 0.25  # as often as the workers report
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def play(script: Script, console: Console, *, stay: bool) -> int:
    """Play *script* on *console*.

    Args:
        script: Which chapters.
        console: Where to show it.
        stay: Leave everything running at the end, until Ctrl-C.

    Returns:
        0 when all went as promised, 1 when not, 130 when it was interrupted.

    Raises:
        GatewayError: The gateway did not start, or did not take a weight.

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
        first = self._script.chapters[0].weight
        with self._console.status("Starting two model servers and a gateway …") as wait:
            async with (
                pretend_models() as models,
                running_gateway(models.versions(), weight=first) as running,
            ):
                wait.stop()
                scene = await self._perform(running, models.sent)
                self._is_over = True
                failed = bool(scene.problems())  # now: who stays may ask for more
                await self._bow(scene, running)
        return 1 if failed else 0

    async def _perform(self, running: Running, sent: Sent) -> Scene:
        ledger = Ledger([chapter.weight for chapter in self._script.chapters])
        scene = Scene(
            script=self._script,
            ledger=ledger,
            overheard=Overheard(time.monotonic),
            sent=sent,
            started_at=time.monotonic(),
        )
        gate = Gate(running.admin)
        visitors = Visitors(running.data, self._script, ledger, scene.overheard)
        with audience(self._console) as shown:
            async with asyncio.TaskGroup() as tasks:
                looking = tasks.create_task(_keep_looking(shown, scene))
                asking = tasks.create_task(_keep_asking(gate, scene))
                coming = tasks.create_task(visitors.keep_coming())
                await _play_chapters(scene, visitors, gate, shown)
                visitors.leave()
                await coming
                asking.cancel()
                scene.seen = await gate.all_seen(ledger.requests_by_version())
                looking.cancel()
        return scene

    async def _bow(self, scene: Scene, running: Running) -> None:
        self._console.print(summary(scene))
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


async def _play_chapters(
    scene: Scene, visitors: Visitors, gate: Gate, shown: Audience
) -> None:
    for at, chapter in enumerate(scene.script.chapters):
        if at:
            visitors.step += 1
            scene.moves.append(await gate.move(chapter.weight))
            visitors.step += 1
        scene.at = at
        shown.begin(scene)
        await asyncio.sleep(chapter.seconds)


async def _keep_asking(gate: Gate, scene: Scene) -> None:
    while True:
        await asyncio.sleep(_ASK_S)
        scene.seen = await gate.seen()


async def _keep_looking(shown: Audience, scene: Scene) -> None:
    while True:
        await asyncio.sleep(shown.pause_s)
        shown.look(scene)
