"""Who judges answers: what evaluators of each kind need, and what means nothing to them."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.domain.evaluation import GIVES, Evaluator, EvaluatorKind, Score
from gateway.domain.rollout import FEEDBACK, OnFailure, RolloutPlan
from gateway.settings.problem import Finding, Wrong, shown, text_of, wrong
from gateway.settings.scores import ScoreEntry, completed

MOST: Final = 16
ENTRY_PATTERN: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_ENTRY: Final = re.compile(ENTRY_PATTERN, re.ASCII)
_AUTHORIZATION: Final = "Authorization"
_FEEDBACK_NAME: Final = FEEDBACK.removesuffix(GIVES)
_EXAMPLES: Final = {
    "url": "url: http://127.0.0.1:9009/v1",
    "model": "model: gpt-4o-mini",
    "entry": "entry: scores.mine:judge",
}
_ADDED: Final[Mapping[EvaluatorKind, str]] = {
    EvaluatorKind.LLM_JUDGE: "/chat/completions",
    EvaluatorKind.EMBEDDING: "/embeddings",
}


class _Fit(NamedTuple):
    """Keys that a kind needs, and those that mean nothing to it."""

    needed: tuple[str, ...]
    idle: tuple[str, ...]


_BY_KIND: Final[Mapping[EvaluatorKind, _Fit]] = MappingProxyType({
    EvaluatorKind.LLM_JUDGE: _Fit(("url", "model"), ("entry",)),
    EvaluatorKind.EMBEDDING: _Fit(("model",), ("entry", "max_tokens")),
    EvaluatorKind.HTTP: _Fit(("url",), ("entry", "max_tokens")),
    EvaluatorKind.PYTHON: _Fit(("entry",), ("url", "api_key", "headers", "max_tokens")),
})


def not_feedback(name: str) -> str:
    """Check that scores are not taken for what users say. Raises Wrong."""
    if name == _FEEDBACK_NAME:
        raise wrong(
            f"found '{name}', by which the metrics of what users say begin.",
            "Give the evaluator another name, such as judge.",
        )
    return name


def not_nothing(sample: float) -> float:
    """Check that somebody is judged. Raises Wrong."""
    if sample == 0:
        raise wrong(
            "found 0: nobody would be judged.",
            "Write a part of the keys, such as 0.05, or remove the evaluator.",
        )
    return sample


def model_name(value: object) -> str:
    """Read what a server calls its model, or the place of one here. Raises Wrong."""
    remedy = "Write the name of a model, such as gpt-4o-mini."
    text = text_of(value, remedy)
    if not text.strip() or not text.isprintable():
        raise wrong(f"found {shown(text)}.", remedy)
    return text


def entry_point(value: object) -> str:
    """Read where a function of the user's is. Raises Wrong."""
    remedy = "Write package.module:function, such as scores.mine:judge."
    text = text_of(value, remedy)
    if not _ENTRY.fullmatch(text):
        raise wrong(f"found {shown(text)}.", remedy)
    return text


def canaries(value: object, folder: Path) -> str:
    """Read the path of a file that is there, seen from *folder*. Raises Wrong."""
    remedy = "Write the path of a file of examples, one JSON object a line."
    path = folder / text_of(value, remedy)
    try:
        is_file = path.is_file()
    except ValueError:  # a NUL in it
        is_file = False
    if not is_file:
        raise wrong(f"found {shown(str(path))}, which is no file.", remedy)
    return str(path)


def by_name(model: object) -> object:
    """Give the price of a model by its name, as it would be written. Raises Wrong."""
    if isinstance(model, str) and model:
        return {"model": model}
    raise wrong(
        "found auto, but the evaluator names no model.",
        "Write its `model`, or USD per million tokens: {input: 0.15, output: 0.60}.",
    )


def misfits(kind: EvaluatorKind, given: Collection[str], url: str) -> Iterator[Finding]:
    """Find keys that a kind lacks, or that mean nothing to it.

    Args:
        kind: Of the evaluator.
        given: Keys that were written.
        url: Of its server.

    """
    fit = _BY_KIND[kind]
    for key in fit.needed:
        if key not in given:
            remedy = f"Add it, such as `{_EXAMPLES[key]}`."
            yield Finding(what="missing.", remedy=remedy, at=(key,))
    for key in fit.idle:
        if key in given:
            yield Finding(
                what=f"found {key}, which means nothing to an evaluator of kind "
                f"{kind.value}.",
                remedy="Remove it, or write another `kind`.",
                at=(key,),
            )
    added = _ADDED.get(kind)
    if added is not None and url.rstrip("/").endswith(added):
        yield Finding(
            what=f"found {shown(url)}: {added} would be added to it once more.",
            remedy=f"Leave {added} out.",
            at=("url",),
        )


def unpaid(usd: float | None, *, priced: bool) -> Iterator[Finding]:
    """Find a budget of money where nobody knows what is spent."""
    if usd is not None and not priced:
        yield Finding(
            what="found a budget in USD, and nobody said what its tokens cost.",
            remedy="Give the evaluator a `price`: {input: 0.15, output: 0.60}, or auto; "
            "or limit `tokens_per_hour`.",
            at=("budget", "usd_per_hour"),
        )


def scores_of(entries: Iterable[ScoreEntry], kind: EvaluatorKind) -> tuple[Score, ...]:
    """Give what it gives; raises Wrong, with places below the evaluator."""
    try:
        return completed(entries, kind)
    except Wrong as error:
        raise Wrong(*(finding.below("scores") for finding in error.findings)) from None


def headers_of(
    headers: Mapping[str, str], api_key: str | None
) -> tuple[tuple[str, str], ...]:
    """Put a key among the headers. Raises Wrong."""
    if api_key is None:
        return tuple(headers.items())
    if any(name.lower() == _AUTHORIZATION.lower() for name in headers):
        raise wrong(
            f"found an api_key beside the header {_AUTHORIZATION}.",
            f"Keep one: the key is sent as `{_AUTHORIZATION}: Bearer …`.",
            at=("api_key",),
        )
    bearer = api_key if api_key.lower().startswith("bearer ") else f"Bearer {api_key}"
    return ((_AUTHORIZATION, bearer), *headers.items())


def not_apart(names: Sequence[str]) -> Iterator[Finding]:
    """Find evaluators too many, and names that are there twice."""
    if len(names) > MOST:
        yield Finding(
            what=f"found {len(names)} evaluators.", remedy=f"Write at most {MOST}."
        )
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Finding(
                what=f"found the name '{name}' again.",
                remedy="Give each evaluator a name of its own: metrics begin with it.",
                at=(place, "name"),
            )


def in_plain(evaluators: Collection[object]) -> Iterator[Finding]:
    """Find judges of a service whose answers nobody reads."""
    if evaluators:
        yield Finding(
            what="found evaluators, and answers of this service are not read.",
            remedy="Remove them, or write another `dialect` than plain.",
            at=("evaluators",),
        )


def too_late(evaluators: Sequence[Evaluator], plan: RolloutPlan) -> Iterator[Finding]:
    """Find scores that may come when the step that waits for them is over."""
    analysis = plan.analysis
    awaited = {
        rule.signal.partition(GIVES)[0]
        for rule in analysis.metrics
        if GIVES in rule.signal and rule.on_failure is not OnFailure.WARN
    }
    for place, evaluator in enumerate(evaluators):
        if evaluator.name in awaited and evaluator.deadline >= analysis.step_timeout:
            yield Finding(
                what=f"found {evaluator.deadline:g} seconds, and a step that waits for "
                f"its scores lasts {analysis.step_timeout:g} at most "
                "(rollout.analysis.step_timeout).",
                remedy="Write less, or a longer step_timeout.",
                at=("evaluators", place, "deadline"),
            )
