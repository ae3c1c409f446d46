"""`sluicegate judge`: how good an evaluator is, and the answers it found worst."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.admin_api import DEFAULT_URL
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
    from gateway.domain.service import Service
    from gateway.evaluators.labelled import Example, Tried

_NOTHING_JUDGED: Final = 1
_PERCENT: Final = 100.0
_NAMED: Final = "checked"

app: Final = typer.Typer(
    help="Judges of answers, looked at before they decide anything.",
    no_args_is_help=True,
)

Examples = Annotated[
    Path, typer.Argument(metavar="FILE", help="Examples, a JSON object a line.")
]
Config = Annotated[
    Path | None, typer.Option(help="The configuration that has the evaluator.")
]
OfService = Annotated[
    str | None, typer.Option("--service", help="Which service, if there are several.")
]
Named = Annotated[
    str | None, typer.Option("--evaluator", help="Which one, if there are several.")
]
Kind = Annotated[
    str, typer.Option(help="Without --config: llm_judge, embedding, http or python.")
]
Url = Annotated[str, typer.Option(help="Of its server; see config/README.md.")]
Model = Annotated[str, typer.Option(help="As its server knows it.")]
Entry = Annotated[str, typer.Option(help="Of kind python: package.module:function.")]
Scores = Annotated[
    list[str] | None,
    typer.Option(
        "--score",
        help="What it gives; again for more. NAME:higher where more is worse.",
    ),
]
KeyFrom = Annotated[
    str | None,
    typer.Option(
        "--key-env", metavar="VARIABLE", help="Has the bearer token of its server."
    ),
]
MaxTokens = Annotated[int, typer.Option(min=16, help="What it may write.")]
Deadline = Annotated[float, typer.Option(min=0.1, help="Seconds for a verdict.")]
PerMinute = Annotated[
    int | None,
    typer.Option(min=1, help="How many may begin in a minute, if its server says."),
]
Threshold = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Where bad begins, of a score.")
]
BadPart = Annotated[
    float,
    typer.Option("--bad", min=0.1, max=99.9, help="How many answers are bad; percent."),
]


@app.command()
# ruff: ignore[too-many-arguments] each is one option of the command
def check(
    file: Examples,
    *,
    config: Config = None,
    service: OfService = None,
    evaluator: Named = None,
    kind: Kind = "llm_judge",
    url: Url = "",
    model: Model = "",
    entry: Entry = "",
    score: Scores = None,
    key_env: KeyFrom = None,
    max_tokens: MaxTokens = 512,
    deadline: Deadline = 60.0,
    per_minute: PerMinute = None,
    threshold: Threshold = 0.5,
    bad: BadPart = 5.0,
    as_json: AsJson = False,
) -> None:
    """Let an evaluator judge examples whose verdict is known; say what it is worth.

    Exit 1 when it gave no verdict at all, or none on what has labels.
    """
    from gateway.domain.evaluation import Evaluator
    from gateway.domain.units import Seconds

    examples = _read(file)
    if config is not None:
        checked = _configured(config, service, evaluator)
    else:
        checked = Evaluator(
            name=_NAMED,
            kind=_kind(kind),
            url=url,
            model=model,
            entry=entry,
            scores=_scores(score or [], examples),
            headers=_headers(key_env),
            max_tokens=max_tokens,
            deadline=Seconds(deadline),
        )
        _demand_complete(checked)
    paced = replace(checked, per_minute=per_minute or checked.per_minute)
    _report(paced, examples, threshold, bad, as_json=as_json)


@app.command("examples")
def show_examples(
    service: Annotated[str, typer.Argument(help="Which service.")],
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Show the answers that scored worst, as far as `samples.keep_worst` keeps them."""
    from gateway.cli.examples import examples_of
    from gateway.cli.judging_views import ExamplesView
    from gateway.cli.screen import print_json, screen
    from gateway.cli.views import read

    answer = admin_api(admin, ca).examples(service)
    if as_json:
        print_json(answer)
    else:
        screen().print(*examples_of(read(ExamplesView, answer)), sep="\n")


def _read(file: Path) -> "list[Example]":
    from gateway.evaluators.labelled import read_examples

    return read_examples(file)


def _report(
    evaluator: "Evaluator",
    examples: "list[Example]",
    threshold: float,
    bad: float,
    *,
    as_json: bool,
) -> None:
    from gateway.cli.judged import as_document, as_tables, report_of
    from gateway.cli.screen import print_json, screen

    identity, tried = _try(evaluator, examples)
    report = report_of(evaluator, identity, tried, threshold, bad / _PERCENT)
    if as_json:
        print_json(as_document(report))
    else:
        screen().print(as_tables(report))
    if not any(quality.has_verdicts for quality in report.qualities):
        raise typer.Exit(_NOTHING_JUDGED)


def _try(
    evaluator: "Evaluator", examples: "list[Example]"
) -> "tuple[str, list[Tried]]":
    import asyncio
    import time

    from gateway.evaluators.labelled import try_examples
    from gateway.evaluators.plugs import judge_of

    async def run() -> "tuple[str, list[Tried]]":
        judge = judge_of(evaluator)
        try:
            return judge.identity, await try_examples(
                judge,
                examples,
                concurrency=evaluator.concurrency,
                deadline=evaluator.deadline,
                monotonic=time.monotonic,
                per_minute=evaluator.per_minute,
            )
        finally:
            await judge.close()

    return asyncio.run(run())


def _configured(
    config: Path, service: str | None, evaluator: str | None
) -> "Evaluator":
    """Find the evaluator in a configuration.

    Raises:
        BadConfiguration: There is none, or there are several.

    """
    from gateway.cli.read import read_file

    services = read_file(config).services
    judging = [one for one in services if one.evaluators]
    evaluators = judging[_one_of(judging, service, "service")].evaluators
    return evaluators[_one_of(evaluators, evaluator, "evaluator")]


def _one_of(
    them: "Sequence[Evaluator] | Sequence[Service]", name: str | None, what: str
) -> int:
    """Give the place of the one that was named, or of the only one.

    Args:
        them: Evaluators, or services that have some.
        name: None: none was named.
        what: "evaluator" or "service", as the option is called too.

    Raises:
        BadConfiguration: There is none, or there are several.

    """
    from gateway.domain.errors import BadConfiguration

    names = [one.name for one in them]
    known = ", ".join(names) or "none"
    if name is not None:
        if name in names:
            return names.index(name)
        raise BadConfiguration(
            f"No {what} '{name}' is there to judge.", remedy=f"Known: {known}."
        )
    if len(names) == 1:
        return 0
    raise BadConfiguration(
        f"There are {len(names)} of this: {what}.",
        remedy=f"Name one with --{what}: {known}."
        if names
        else "Give a service `evaluators`, or describe one with --kind and --score.",
    )


def _kind(text: str) -> "EvaluatorKind":
    from gateway.domain.errors import BadConfiguration
    from gateway.domain.evaluation import EvaluatorKind

    try:
        return EvaluatorKind(text)
    except ValueError:
        known = ", ".join(EvaluatorKind)
        raise BadConfiguration(
            f"--kind {text} is unknown.", remedy=f"Known: {known}."
        ) from None


def _scores(named: list[str], examples: "list[Example]") -> "tuple[Score, ...]":
    """Describe the scores that were named; with none, those that have labels."""
    names = named or sorted({name for one in examples for name in one.labels})
    return tuple(map(_score, names))


def _score(text: str) -> "Score":
    from gateway.domain.evaluation import Score
    from gateway.domain.rollout import Worse
    from gateway.evaluators.rubrics import RUBRICS

    name, _, worse = text.partition(":")
    if worse or name not in RUBRICS:
        return Score(name=name, worse=Worse.HIGHER if worse else Worse.LOWER)
    return RUBRICS[name].score


def _headers(variable: str | None) -> tuple[tuple[str, str], ...]:
    from gateway.domain.errors import BadConfiguration

    if variable is None:
        return ()
    if not (token := os.environ.get(variable)):
        raise BadConfiguration(
            f"The environment variable {variable} is not set.",
            remedy="Set it to the token of the evaluator's server.",
        )
    return (("Authorization", f"Bearer {token}"),)


def _demand_complete(evaluator: "Evaluator") -> None:
    """Demand what its kind needs."""
    from gateway.domain.errors import BadConfiguration
    from gateway.domain.evaluation import EvaluatorKind

    needs = {
        EvaluatorKind.LLM_JUDGE: ("url", "model"),
        EvaluatorKind.EMBEDDING: ("model",),
        EvaluatorKind.HTTP: ("url",),
        EvaluatorKind.PYTHON: ("entry",),
    }
    missing = [n for n in needs[evaluator.kind] if not getattr(evaluator, n)]
    if missing:
        raise BadConfiguration(
            f"An evaluator of kind {evaluator.kind} needs --{' and --'.join(missing)}.",
            remedy="Give them, or name a configuration with --config.",
        )
    if evaluator.url and not evaluator.url.startswith(("http://", "https://")):
        raise BadConfiguration(
            f"--url {evaluator.url} is no URL of a server.",
            remedy="Begin it with http:// or https://, as in http://127.0.0.1:8000/v1.",
        )
