"""The live screen: a picture of a scene, for 80 columns and 24 lines and up.

From top to bottom: the chapter, the split wanted and measured, what the gateway saw of
each version and found in its answers, every user as a dot, what is being answered now,
and what must stay zero.
"""

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.cli.demo import plain
from gateway.cli.demo.chapters import CANDIDATE, ROLES
from gateway.cli.demo.gateway_process import WORKERS
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.seen import (
    cost_of_a_thousand,
    share_complete,
    share_errors,
    share_ok,
)
from gateway.cli.demo.strokes import STYLES, UNSEEN, bar, crowd, dots
from gateway.cli.demo.visitors import user_name
from gateway.cli.figures import (
    clock,
    dollars,
    duration,
    measured_percent,
    speed,
)
from gateway.cli.views import Statistics

WIDEST: Final = 120
LINES: Final = 24
"""How many lines a whole picture takes at 80 columns."""

_WANTED: Final = ("━", "─")
_MEASURED: Final = ("█", "░")
_BESIDE_BAR: Final = 24
_CURSOR: Final = "▌"
_BROKEN: Final = " ✂ broken off"
_ROOMY: Final = 98
_ALL: Final = 100.0
_GAP: Final = "  "
_COLUMNS: Final = ("HTTP 200", "complete", "errors", "1st token", "tok/s", "$/1,000")


def draw(scene: Scene, now: float, *, width: int, height: int) -> RenderableType:
    """Draw *scene* at monotonic *now*; a low terminal gets no crowd and no answers."""
    width = min(width, WIDEST) - 2
    parts: list[RenderableType] = [
        _headline(scene, now),
        _chapter(scene),
        _split(scene, width),
        Text(),
        _versions(scene, width),
        _findings(scene),
        Text(),
    ]
    if height >= LINES:
        parts += [*_crowd(scene, width), Text(), *_answers(scene)]
        parts += [Text()] if height > LINES else []
    parts.append(_checks(scene))
    return Constrain(Padding(Group(*parts), (0, 1)), width + 2)


def _headline(scene: Scene, now: float) -> Table:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    played = min(now - scene.started_at, scene.script.seconds)
    line.add_row(
        Text.assemble(("≋ Sluicegate", "bold"), (" demo", "dim")),
        Text(f"{clock(played)} of {clock(scene.script.seconds)}", style="dim"),
    )
    return line


def _chapter(scene: Scene) -> Panel:
    number = f"{scene.at + 1} of {len(scene.script.chapters)}"
    return Panel(
        Text(scene.chapter.caption),
        title=Text.assemble(
            (f"{number}  ", "not bold default"), (scene.chapter.title, "bold default")
        ),
        title_align="left",
        border_style=UNSEEN,
        box=box.ROUNDED,
    )


def _split(scene: Scene, width: int) -> Table:
    wanted = scene.chapter.weight
    measured = scene.ledger.chapters[scene.at].share(CANDIDATE)
    room = width - _BESIDE_BAR
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="dim")
    lines.add_column(width=room)
    lines.add_column(justify="right")
    lines.add_row("weight", bar(wanted, room, _WANTED), f"{CANDIDATE} {wanted:.1f} %")
    lines.add_row(
        "measured",
        bar(measured, room, _MEASURED),
        Text(f"{CANDIDATE} {measured_percent(measured)}", style="bold"),
    )
    return lines


def _versions(scene: Scene, width: int) -> Table:
    """Draw what the gateway saw; the share of the requests only where there is room."""
    has_room = width >= _ROOMY
    padding = (0, 3 if has_room else 2, 0, 0)
    table = Table(box=None, pad_edge=False, padding=padding, header_style="dim")
    table.add_column("version", no_wrap=True)
    share = ("share",) if has_room else ()
    for column in ("requests", *share, *_COLUMNS):
        table.add_column(column, justify="right", no_wrap=True)
    for name, role in ROLES.items():
        one = scene.of(name)
        table.add_row(
            Text.assemble((f"{name} ", STYLES[name]), (role, "dim")),
            str(one.requests),
            *([measured_percent(scene.share(name))] if has_room else []),
            *_figures(one),
        )
    return table


def _figures(one: Statistics) -> tuple[RenderableType, ...]:
    good, whole, errors = share_ok(one), share_complete(one), share_errors(one)
    return (
        Text(measured_percent(good), style="green" if good == _ALL else "bold red"),
        Text(measured_percent(whole), style="green" if whole == _ALL else "bold red"),
        Text(measured_percent(errors), style="bold red" if errors else ""),
        duration(one.time_to_first_token_seconds.p50),
        speed(one.tokens_per_second),
        dollars(cost_of_a_thousand(one) or 0.0),
    )


def _findings(scene: Scene) -> Table:
    """Draw what was found in the answers, though their status was 200."""
    lines = Table.grid(padding=(0, 1, 0, 0))
    lines.add_column(style="dim")
    lines.add_column()
    for label, tell in (("found", plain.outcomes), ("signals", plain.signals)):
        found = {name: told for name in ROLES if (told := tell(scene, name))}
        line = Text(_GAP, no_wrap=True, overflow="ellipsis").join(
            Text.assemble((f"{name} ", STYLES[name]), (told, "red"))
            for name, told in found.items()
        )
        lines.add_row(label, line if found else Text("nothing so far", style="dim"))
    return lines


def _crowd(scene: Scene, width: int) -> list[RenderableType]:
    users = scene.script.users
    legend = Text.assemble((
        f"{users} users, a dot each, by who answered last: ",
        "dim",
    ))
    for name in ROLES:
        legend.append_text(dots(name))
        legend.append(f" {name}  ", STYLES[name])
    return [legend, crowd(scene.ledger.homes, users, width)]


def _answers(scene: Scene) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for name in ROLES:
        quote = scene.overheard.quotes.get(name)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name} ", STYLES[name])
        if quote is None:
            line.append("nobody has asked for a stream yet", "dim")
        else:
            is_coming = quote.ended_at is None
            line.append(f"{user_name(quote.user)} ", "dim")
            line.append(quote.text.rstrip(), "" if is_coming else "dim")
            line.append(_CURSOR if is_coming else "", STYLES[name])
            line.append(_BROKEN if quote.is_broken else "", "red")
        lines.append(line)
    return lines


def _checks(scene: Scene) -> RenderableType:
    ledger = scene.ledger
    line = Text.assemble(
        _must_be_zero(ledger.failed, "not 200"),
        _must_be_zero(scene.cut_on_the_way, "cut on the way"),
        _must_be_zero(ledger.moved_back, "moved back"),
        _must_be_zero(ledger.disagreed, "mislabelled"),
    )
    return Group(line, _last_move(scene))


def _must_be_zero(number: int, what: str) -> Text:
    sign = ("✗ ", "bold red") if number else ("✓ ", "green")
    return Text.assemble(sign, f"{number} {what}   ")


def _last_move(scene: Scene) -> Text:
    if not scene.moves:
        return Text(f"{WORKERS} workers, weight from the configuration", style="dim")
    move = scene.moves[-1]
    return Text(
        f"PUT weights {{{CANDIDATE}: {move.weight:g}}}: in force on {WORKERS} workers "
        f"after {duration(move.in_force_s)}",
        style="dim",
    )
