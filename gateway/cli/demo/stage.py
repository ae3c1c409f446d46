"""The live screen: a picture of a scene, for 80 columns and 24 lines and up.

From top to bottom: the act, where the rollout stands, the split wanted and measured, what
the gateway saw of each version, the evidence on its way to its thresholds, the decisions
in the journal's words, and what must stay zero.
"""

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.cli.demo import evidence, verdicts
from gateway.cli.demo.evidence import SLICES, Row, Way
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.seen import cost_of_a_thousand, share_ok
from gateway.cli.demo.story import Move
from gateway.cli.demo.strokes import BAD, BASELINE, CANDIDATE, GOOD, UNSEEN, split, way
from gateway.cli.demo.visitors import user_name
from gateway.cli.figures import (
    clock,
    dollars,
    duration,
    measured_percent,
    percent,
    rate,
)
from gateway.cli.views import Statistics

WIDEST: Final = 120
LINES: Final = 24
"""How many lines a whole picture takes at 80 columns."""

_WANTED: Final = ("━", "─")
_MEASURED: Final = ("█", "░")
_BESIDE_SPLIT: Final = 24
_TALL: Final = 28
_MOST_TOLD: Final = 10
_CURSOR: Final = "▌"
_BROKEN: Final = " ✂ broken off"
_ROOMY: Final = 98
_ALL: Final = 100.0
_COLUMNS: Final = ("HTTP 200", "errors", "first token", "p95", "$/1,000")
_BESIDE_BARS: Final = {False: 13 + 4 * 9, True: 13 + 4 * 9 + 2 * 10}
_TIMES: Final = frozenset({"duration", "time_to_first_token"})


def draw(scene: Scene, now: float, *, width: int, height: int) -> RenderableType:
    """Draw *scene* at monotonic *now*; a low terminal gets fewer parts."""
    width = min(width, WIDEST) - 2
    parts: list[RenderableType] = [
        _headline(scene, now),
        _act(scene),
        _standing(scene),
        _split(scene, width),
        Text(),
        _versions(scene),
        Text(verdicts.beside(scene), style="dim", no_wrap=True, overflow="ellipsis"),
        _evidence(scene, width),
        _units(scene),
    ]
    if height >= LINES:
        parts += _journal(
            scene, width, lines=4 if height < _TALL else min(height - 23, _MOST_TOLD)
        )
    if height >= _TALL:
        parts += [Text(), *_answers(scene)]
    parts.append(_checks(scene))
    return Constrain(Padding(Group(*parts), (0, 1)), width + 2)


def _headline(scene: Scene, now: float) -> Table:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    line.add_row(
        Text.assemble(("≋ Sluicegate", "bold"), (" demo", "dim")),
        Text(
            f"{clock(now - scene.started_at)} of about {clock(scene.script.usual_s)}",
            style="dim",
        ),
    )
    return line


def _act(scene: Scene) -> Panel:
    act, number = scene.act, f"{scene.at + 1} of {len(scene.script.acts)}"
    is_done = scene.is_over and scene.is_as_promised
    return Panel(
        Text(act.ended if is_done else act.caption),
        title=Text.assemble(
            (f"{number}  ", "not bold default"), (act.title, "bold default")
        ),
        title_align="left",
        border_style=UNSEEN,
        box=box.ROUNDED,
    )


def _standing(scene: Scene) -> Text:
    """Draw the phase, and the steps done, under way and to come."""
    rollout = scene.rollout
    is_out = scene.is_over and rollout.phase != "promoted"
    style = BAD if is_out else GOOD if rollout.phase == "promoted" else "bold"
    line = Text.assemble((f"{rollout.phase.replace('_', ' '):12}", style), "  steps")
    for number, weight in enumerate(scene.script.steps):
        line.append("   ")
        if number < rollout.step or rollout.phase == "promoted":
            line.append(f"✓ {weight:g} %", GOOD)
        elif number > rollout.step or rollout.phase == "idle":
            line.append(f"○ {weight:g} %", "dim")
        else:
            line.append(f"✗ {weight:g} %" if is_out else f"● {weight:g} %", style)
    if rollout.phase == "baking":
        line.append("   ● hold-back of 5 %", "bold")
    return line


def _split(scene: Scene, width: int) -> Table:
    known = scene.ledger.stretches
    is_own = bool(known) and known[-1].candidate == scene.act.candidate
    wanted = known[-1].weight if is_own else 0.0
    measured = known[-1].share if is_own else None
    room, name = width - _BESIDE_SPLIT, scene.act.candidate
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim")
    lines.add_column(width=room)
    lines.add_column(justify="right")
    lines.add_row("weight", split(wanted, room, _WANTED), f"{name} {percent(wanted)}")
    lines.add_row(
        "measured",
        split(measured, room, _MEASURED),
        Text(f"{name} {measured_percent(measured)}", style="bold"),
    )
    return lines


def _versions(scene: Scene) -> Table:
    """Draw what the gateway saw: traffic, which is more than what is evidence."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("traffic", no_wrap=True)
    for column in ("requests", *_COLUMNS):
        table.add_column(column, justify="right", no_wrap=True)
    for name, role, style in _roles(scene):
        one = scene.of(name)
        table.add_row(
            Text.assemble((f"{name} ", style), (role, "dim")),
            f"{one.requests:,}",
            *_figures(one),
        )
    return table


def _roles(scene: Scene) -> Iterable[tuple[str, str, str]]:
    yield scene.act.candidate, "candidate", CANDIDATE
    yield scene.act.baseline, "baseline", BASELINE


def _figures(one: Statistics) -> tuple[RenderableType, ...]:
    good = share_ok(one)
    return (
        Text(measured_percent(good), style=GOOD if good == _ALL else BAD),
        rate(one.error_rate),
        duration(one.time_to_first_token_seconds.p50),
        duration(one.duration_seconds.p95),
        dollars(cost_of_a_thousand(one) or 0.0),
    )


def _evidence(scene: Scene, width: int) -> Table:
    """Draw every wealth on its way; estimates of both only where there is room."""
    has_room = width >= _ROOMY
    cells = (width - _BESIDE_BARS[has_room]) // 4
    found = evidence.rows(scene.findings)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("evidence", no_wrap=True, min_width=13)
    for name, _role, _style in reversed(list(_roles(scene))) if has_room else ():
        table.add_column(name, justify="right", no_wrap=True, min_width=8)
    for header in _headers(found):
        table.add_column(header, no_wrap=True, min_width=cells + 7)
    for row in found:
        worse = [_against(row.against.get(place), cells) for place in SLICES]
        table.add_row(
            row.name,
            *(_estimates(row) if has_room else ()),
            _proof(row.proof, cells),
            *worse,
        )
    return table


def _headers(found: list[Row]) -> Iterable[str]:
    needed = evidence.proof_threshold(found)
    yield "no worse" + ("" if needed is None else f" {needed:.1f}")
    for place, name in SLICES.items():
        limit = evidence.threshold(found, place)
        prefix = "worse: " if place is None else ""
        yield f"{prefix}{name}" + ("" if limit is None else f" {limit:.1f}")


def _estimates(row: Row) -> tuple[str, str]:
    if row.whole is None:
        return "-", "-"
    write = duration if row.metric in _TIMES else rate
    return write(row.whole.baseline), write(row.whole.candidate)


def _proof(proof: Way | None, cells: int) -> Text:
    if proof is None:
        return Text("-", UNSEEN)
    return Text.assemble(
        way(proof.part, cells, GOOD),
        (f" {proof.told:>4}", GOOD if proof.is_there else ""),
        (" ✓" if proof.is_there else "", GOOD),
    )


def _against(against: Way | None, cells: int) -> Text:
    if against is None:
        return Text("-", UNSEEN)
    style = BAD if against.is_there else "color(208)"
    return Text.assemble(
        way(against.part, cells, style),
        (f" {against.told:>4}", style if against.is_there else "dim"),
        (" ✗" if against.is_there else "", BAD),
    )


def _units(scene: Scene) -> Text:
    """Say how many units there are in this step, and how the bars are read."""
    looked = scene.looked
    known = looked.analysed.assessment if looked and scene.findings else None
    if known is None:
        return Text("a user is one unit of evidence, however often they ask", "dim")
    units = known.units_in_step
    return Text(
        f"{units.candidate:,} users of {scene.act.candidate}, {units.baseline:,} of "
        f"{scene.act.baseline} in this step, each once. A full bar decides.",
        style="dim",
        no_wrap=True,
        overflow="ellipsis",
    )


def _journal(scene: Scene, width: int, *, lines: int) -> list[RenderableType]:
    """Give the newest decision as a whole, and of those before it what there is room for."""
    if not scene.moves:
        return [Text()] * lines
    newest = _told(scene, scene.moves[-1])
    newest.stylize(BAD if scene.moves[-1].findings else "bold")
    taken = min(lines, -(-len(newest.plain) // (width - 5)))
    before: list[RenderableType] = []
    for move in scene.moves[-1 - (lines - taken) : -1] if lines > taken else ():
        line = _told(scene, move)
        line.no_wrap, line.overflow = True, "ellipsis"
        line.stylize("dim")
        before.append(line)
    filling: list[RenderableType] = [Text()] * (lines - taken - len(before))
    return [*before, newest, *filling]


def _told(scene: Scene, move: Move) -> Text:
    return Text(f"{clock(move.at - scene.started_at)} {move.said}")


def _answers(scene: Scene) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for name, _role, style in _roles(scene):
        quote = scene.overheard.quotes.get(name)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name} ", style)
        if quote is None:
            line.append("nobody has asked for a stream yet", "dim")
        else:
            is_coming = quote.ended_at is None
            line.append(f"{user_name(quote.user)} ", "dim")
            line.append(quote.text.rstrip(), "" if is_coming else "dim")
            line.append(_CURSOR if is_coming else "", style)
            line.append(_BROKEN if quote.is_broken else "", "red")
        lines.append(line)
    return lines


def _checks(scene: Scene) -> Text:
    ledger = scene.ledger
    return Text.assemble(
        f"{ledger.requests:,} requests: ",
        _must_be_zero(ledger.failed, "failed"),
        _must_be_zero(ledger.cut, "cut"),
        _must_be_zero(ledger.moved_back, "moved back"),
        _must_be_zero(ledger.disagreed, "mislabelled"),
    )


def _must_be_zero(number: int, what: str) -> Text:
    sign = ("✗ ", BAD) if number else ("✓ ", GOOD)
    return Text.assemble(sign, f"{number} {what}   ")
