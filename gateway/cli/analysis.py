"""`sluicegate analysis SERVICE`: what is known, by metric and segment."""

import math
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.admin_api import DEFAULT_URL
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from gateway.cli.views import Analysed, AssessmentView, JudgementsView

_BAR: Final = 10
_LARGE: Final = 100.0
_TAKING_UP: Final = "taking up evidence"
_HUGE: Final = math.log(1e9)
_COLUMNS: Final = ("baseline", "candidate", "against it", "for it", "units b/c")


def analysis(
    service: Annotated[str, typer.Argument(help="Which service.")],
    admin: AdminUrl = DEFAULT_URL,
    ca: AdminCa = None,
    as_json: AsJson = False,
) -> None:
    """Show the evidence for and against a candidate, metric by metric."""
    from gateway.cli.screen import print_json
    from gateway.cli.views import analysed

    answer = admin_api(admin, ca).analysis(service)
    if as_json:
        print_json(answer)
        return
    views = analysed(answer)
    for number, view in enumerate(views):
        if len(views) > 1:
            typer.echo("\n" * (number > 0) + alone(view))
        _show(view)


def alone(view: "Analysed") -> str:
    """Say which of several candidates a table is about."""
    alpha = "" if view.alpha is None else f", alpha {view.alpha:g} of its own"
    return f"{view.service}{alpha}"


def _show(view: "Analysed") -> None:
    from gateway.cli.screen import screen

    typer.echo(view.rollout.line())
    if view.assessment is None:
        typer.echo(_why_nothing(view))
        return
    for line in heading(view):
        typer.echo(line)
    screen().print(table_of(view))


def _why_nothing(view: "Analysed") -> str:
    if view.rollout.protection == _TAKING_UP:
        return "The evidence is being taken up: look again in a moment."
    return "Nothing is analysed: no rollout is on."


def heading(view: "Analysed") -> list[str]:
    """Say what the table rests on."""
    from gateway.cli.figures import age

    found = view.assessment
    if found is None or view.evidence is None:
        return []
    units = found.units_in_step
    counted = (
        f"by mirrored requests: {units.candidate} pairs"
        if found.is_mirrored
        else f"by {view.unit}: {units.candidate} candidate and {units.baseline} baseline"
        " units"
    )
    lines = [
        f"evidence {counted} in this step; last {age(view.evidence.age_seconds)}",
        *_from_when(view),
        *_split_checked(view.evidence.split_checked),
    ]
    if view.rollout.compared is not None:
        lines.append(view.rollout.compared)
    lines += _halves(found)
    if view.evidence.sampled < 1:
        lines.append(f"only {view.evidence.sampled:.1%} of the keys are looked at")
    if found.integrity is not None:
        lines.append(f"integrity: {found.integrity}")
    lines += _to_come(found)
    return [
        *lines,
        *(
            _judged(each.metric, each.judgements)
            for each in view.metrics
            if each.judgements is not None
        ),
    ]


def _halves(found: "AssessmentView") -> "Iterator[str]":
    """Say which pairs are not whole."""
    if found.lost_pairs:
        yield (
            f"pairs with a half that was lost: {found.lost_pairs}, counted as what is"
            " worst for each verdict"
        )
    if found.stopped_pairs:
        yield f"pairs that a worker's end cut off: {found.stopped_pairs}, no evidence"


def _to_come(found: "AssessmentView") -> list[str]:
    """Say what is lacking still, or that nothing more is to come."""
    if found.shortage is not None:
        return [found.shortage]
    if found.units_needed:
        return [f"about {found.units_needed} more candidate units to proof"]
    return []


def _judged(name: str, came: "JudgementsView") -> str:
    """Say what came of judging: what is not there decides nothing, and must be known."""
    said = f"{name}: {came.judged} of {came.sampled} samples judged"
    rest = came.sampled - came.judged - came.failed - came.unsaid
    counts = ((came.failed, "failed"), (came.unsaid, "unsaid"), (rest, "not asked"))
    lacking = [f"{count} {what}" for count, what in counts if count]
    if lacking:
        said += f" ({', '.join(lacking)})"
    said += f", {came.sample:.1%} of the keys are sampled"
    pairs = came.pairs_won + came.pairs_tied + came.pairs_lost
    if pairs:
        said += (
            f"; the candidate's answer was better in {came.pairs_won} of {pairs} pairs,"
            f" the baseline's in {came.pairs_lost}"
        )
    if came.noise is not None:
        said += f"; {_noise(came, came.noise)}"
    return f"{said}. The judge is down: it only fails." if came.is_down else said


def _noise(came: "JudgementsView", distance: float) -> str:
    """Say what the judge makes of two answers of the baseline."""
    said = (
        f"the baseline differs from itself by {distance:.3f}: one of its two answers was"
        f" better in {came.controls_won} of {came.controls} control pairs (the client's in"
        f" {came.served_first}, the copy's in {came.served_second}"
    )
    if came.shown_first + came.shown_second + came.shown_tied:
        said += f"; the one shown first in {came.shown_first}, second in {came.shown_second}"
    return f"{said})"


def _from_when(view: "Analysed") -> "Iterator[str]":
    if view.as_of is not None:
        yield f"as it was known at the end, {view.as_of}"
    if view.examination > 1 and view.alpha is not None:
        yield (
            f"examination {view.examination} of this attempt: it began from nothing, and"
            f" has an alpha of {view.alpha:.2g}"
        )


def _split_checked(part: float) -> "Iterator[str]":
    if not part:
        yield "the split is checked on no key any more: some were not told of"
    elif part < 1:
        yield f"the split is checked on {part:.1%} of the keys"


def table_of(view: "Analysed") -> "Table":
    """Draw a row for each metric and segment.

    The bars show how far the evidence is on its way to the threshold, in logs.
    """
    from rich.markup import escape

    from gateway.cli.screen import plain_table

    table = plain_table("metric", "verdict", *_COLUMNS, numbers=("units b/c",))
    for found in view.metrics:
        name = found.metric
        if found.segment is not None:
            name = f"  {name} · {found.segment[0]}={found.segment[1]}"
        table.add_row(
            escape(name),
            found.verdict,
            _number(found.baseline),
            _number(found.candidate),
            bar(found.log_e, found.log_threshold),
            bar(found.log_proof, found.log_proof_threshold),
            f"{found.baseline_units}/{found.candidate_units}",
        )
    return table


def bar(log: float | None, threshold: float | None) -> str:
    """Draw the way to a threshold, in odds to 1: ###....... 12 of 2,000."""
    if log is None or threshold is None or threshold <= 0:
        return "-"
    reached = max(0.0, min(1.0, log / threshold))
    filled = round(reached * _BAR)
    return f"{'#' * filled}{'.' * (_BAR - filled)} {_odds(log)} of {_odds(threshold)}"


def _odds(log: float) -> str:
    """Write odds to 1; beyond a billion nobody asks how far."""
    if log > _HUGE:
        return "> 1e9"
    odds = math.exp(log)
    return f"{odds:,.0f}" if odds >= _LARGE else f"{odds:.3g}"


def _number(value: float | None) -> str:
    from gateway.cli.figures import amount

    return amount(value)
