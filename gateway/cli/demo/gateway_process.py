"""The real gateway, started as anybody would start it: a file and `serve`."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

import gateway
from gateway.cli.demo.models import DEADLINE_S
from gateway.cli.demo.script import (
    EDGE,
    JUDGE,
    METRICS,
    SCORE,
    SEGMENT,
    SERVICE,
    Act,
    Script,
)
from gateway.domain.errors import GatewayError, Side

WORKERS: Final = 2

_READY: Final = re.compile(r"ready: data (\S+) · admin (\S+)")
_START_S: Final = 20.0
_STOP_S: Final = 5.0
_LOOK_S: Final = 0.02
_LAST_LINES: Final = 5
_AT_ONCE: Final = 64
_VERDICT_S: Final = 15.0
_QUICK: Final = {
    "minimum_units": 30,
    "dwell": "1s",
    "closes": {"after": "2s", "grace": f"{DEADLINE_S:g}s"},
    "bake": "2s",
    "step_timeout": "10m",
}


class GatewayDidNotStart(GatewayError):
    """The gateway process ended, or said nothing, before it was ready."""

    side = Side.GATEWAY
    type = "gateway_did_not_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Who stands behind the gateway.

    Attributes:
        versions: As a configuration describes them, by name.
        judge: The same of an evaluator.

    """

    versions: Mapping[str, object]
    judge: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that is ready; `config` is the file it read."""

    data: str
    admin: str
    config: Path
    script: Script
    servers: Servers

    def configure(self, act: Act) -> None:
        """Write the file anew, for another release; a reload reads it."""
        self.config.write_text(configuration(self.servers, self.script, act))


@asynccontextmanager
async def running_gateway(servers: Servers, script: Script) -> AsyncGenerator[Running]:
    """Write a configuration for the first act, serve it, and stop it at the end.

    Args:
        servers: Who stands behind it.
        script: What is played.

    Raises:
        GatewayDidNotStart: With the last words of the gateway.

    """
    with TemporaryDirectory(prefix="sluicegate-demo-") as folder:
        config, log = Path(folder) / "gateway.yaml", Path(folder) / "gateway.log"
        config.write_text(configuration(servers, script, script.acts[0]))
        process = await _start(config, log)
        try:
            data, admin = await _addresses(process, log)
            yield Running(
                data=data,
                admin=admin,
                config=config,
                script=script,
                servers=servers,
            )
        finally:
            await _stop(process)


def configuration(servers: Servers, script: Script, act: Act) -> str:
    """Write the configuration of one act.

    Only waiting is shorter than usual in it: alpha, beta, margins, tolerance and washout
    are those that a rollout has by default.
    """
    chat = {
        "versions": dict(servers.versions),
        "baseline": act.baseline,
        "candidate": act.candidate,
        "segments": [{"name": SEGMENT, "by": "request_bytes", "edges": [EDGE]}],
        "context": {"json": "/documents"},
        "signals": {"names": ["refusal"]},
        "evaluators": [evaluator(servers, script)],
        "rollout": {
            "steps": [{"setWeight": weight} for weight in script.steps],
            "analysis": {**_QUICK, "metrics": [{"signal": name} for name in METRICS]},
        },
    }
    document = {
        "listen": "127.0.0.1:0",
        "admin": {"listen": "127.0.0.1:0"},
        "workers": WORKERS,
        "state": "sqlite:state.db",
        "services": {SERVICE: chat},
    }
    return yaml.safe_dump(document, sort_keys=False)


def evaluator(servers: Servers, script: Script) -> dict[str, object]:
    """Describe who judges, how many, and how soon."""
    return {
        "name": JUDGE,
        **servers.judge,
        "scores": [SCORE],
        "sample": script.sample,
        "deadline": f"{_VERDICT_S:g}s",
        "concurrency": _AT_ONCE,
    }


async def _start(config: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder named gateway where the user stands is not ours
            "-m",
            "gateway",
            "serve",
            str(config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": _python_path()},
            start_new_session=True,  # Ctrl-C reaches the demo, which then stops it
        )


async def _addresses(process: asyncio.subprocess.Process, log: Path) -> tuple[str, str]:
    for _look in range(int(_START_S / _LOOK_S)):
        if ready := _READY.search(_said(log)):
            return ready[1], ready[2]
        if process.returncode is not None:
            break
        await asyncio.sleep(_LOOK_S)
    last = "\n".join(_said(log).splitlines()[-_LAST_LINES:])
    raise GatewayDidNotStart(
        f"The gateway was not ready within {_START_S:g} s. Its last words:\n{last}\n",
        remedy="Try `sluicegate serve` with a file of your own, which says more.",
    )


def _python_path() -> str:
    """Put this very package first, so that the demo also runs from a checkout."""
    here = str(Path(gateway.__file__).parents[1])
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))


def _said(log: Path) -> str:
    return log.read_text(errors="replace")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
