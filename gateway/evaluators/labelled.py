"""Examples whose verdict people know: a JSON object a line, and what a judge makes of them.

    {"prompt": "…", "context": ["…"], "answer": "…", "reference": "…",
     "labels": {"hallucination": 1, "relevance": 0.9}}

All but `answer` and `labels` may be left out; a label is from 0 to 1, true or false.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from gateway.domain.errors import BadConfiguration
from gateway.evaluators.evaluator import Judge, JudgeFailed, Verdict, Why
from gateway.handoff.samples import Texts

_MINUTE_S: Final = 60.0
_MOST_TOLD: Final = 10
_REMEDY: Final = (
    'Write a JSON object a line, such as {"prompt": "…", "context": ["…"], '
    '"answer": "…", "labels": {"hallucination": 1}}.'
)


class Example(NamedTuple):
    """An answer, and what people said of it.

    Attributes:
        line: Its number in the file, from 1.
        texts: What a judge is given.
        labels: By score, 0.0 to 1.0.

    """

    line: int
    texts: Texts
    labels: dict[str, float]


class Tried(NamedTuple):
    """What a judge made of an example.

    Attributes:
        example: See Example.
        verdict: None: there is none.
        failure: Why not.
        seconds: What it took.

    """

    example: Example
    verdict: Verdict | None
    failure: JudgeFailed | None
    seconds: float


def read_examples(path: Path) -> list[Example]:
    """Read a file of examples.

    Raises:
        BadConfiguration: It cannot be read, has none, or lines that are wrong, which are
            named by their numbers.

    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadConfiguration(
            f"{path} cannot be read: {error.strerror}.", remedy="Name another file."
        ) from None
    examples, mistakes = list[Example](), list[str]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            examples.append(_example(number, line))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            mistakes.append(f"{path}: line {number}: {error}.")
    if mistakes or not examples:
        raise BadConfiguration(_told(path, mistakes), remedy=_REMEDY)
    return examples


def _told(path: Path, mistakes: list[str]) -> str:
    if not mistakes:
        return f"{path} has no examples."
    more = len(mistakes) - _MOST_TOLD
    rest = [f"... and {more} more lines."] if more > 0 else []
    return "\n".join([*mistakes[:_MOST_TOLD], *rest])


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    answer: str
    labels: dict[str, float | bool]
    prompt: str | None = None
    context: list[str] = []
    reference: str | None = None


_LINES: Final = msgspec.json.Decoder(_Line)


def _example(number: int, line: bytes) -> Example:
    read = _LINES.decode(line)
    labels = {name: float(label) for name, label in read.labels.items()}
    if not labels:
        raise ValueError("no labels")
    for name, label in labels.items():
        if not 0 <= label <= 1:
            raise ValueError(f"the label {name!r} is not from 0 to 1")
    texts = Texts(
        prompt=read.prompt,
        context=tuple(read.context),
        reference=read.reference,
        answer=read.answer,
        is_cut=False,
    )
    return Example(number, texts, labels)


async def try_examples(
    judge: Judge,
    examples: Sequence[Example],
    *,
    concurrency: int,
    deadline: float,
    monotonic: Callable[[], float],
    per_minute: int | None = None,
) -> list[Tried]:
    """Let *judge* judge *examples*; give what it made of them, in their order.

    Args:
        judge: Left open.
        examples: See Example.
        concurrency: How many at once.
        deadline: Seconds for each.
        monotonic: Seconds.
        per_minute: How many begin in a minute; None: as fast as it can.

    """
    ahead, tried = iter(examples), list[Tried]()
    between = _MINUTE_S / per_minute if per_minute else 0.0
    turn = monotonic()

    async def work(ahead: Iterator[Example]) -> None:
        nonlocal turn
        for example in ahead:
            turn, pause = turn + between, turn - monotonic()
            if between and pause > 0:
                await asyncio.sleep(pause)
            tried.append(await _tried(judge, example, deadline, monotonic))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(work(ahead))
    return sorted(tried, key=lambda one: one.example.line)


async def _tried(
    judge: Judge, example: Example, deadline: float, monotonic: Callable[[], float]
) -> Tried:
    began = monotonic()
    try:
        async with asyncio.timeout(deadline):
            verdict = await judge.judge(example.texts)
    except JudgeFailed as error:
        return Tried(example, None, error, monotonic() - began)
    except TimeoutError:
        told = f"No verdict within {deadline:g} s."
        late = JudgeFailed(Why.DEADLINE, told, judge.most(example.texts))
        return Tried(example, None, late, monotonic() - began)
    return Tried(example, verdict, None, monotonic() - began)
