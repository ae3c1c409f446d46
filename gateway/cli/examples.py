"""What `sluicegate judge examples` says: the answers that scored worst, and why."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.cli.figures import amount
from gateway.cli.judging_views import ExamplesView, ExampleView

LONGEST: Final = 600
"""Characters of each text that are shown; --json has all that is kept."""

_CUT: Final = " …"


def examples_of(view: ExamplesView) -> Iterator[RenderableType]:
    """Draw the examples, version by version, of each score the worst first."""
    if not any(view.versions.values()):
        yield f"Nothing of {view.service} has been judged since examples are kept."
    is_first = True
    for version, by_signal in view.versions.items():
        for signal, examples in by_signal.items():
            yield Text(f"{'' if is_first else chr(10)}{signal} of {version}", "bold")
            is_first = False
            for example in examples:
                yield Padding(_example(example), (0, 0, 0, 2))


def _example(example: ExampleView) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    cut = "; cut before it was judged" if example.is_cut else ""
    table.add_row(amount(example.value), Text(f"at {example.at}{cut}"))
    rows = [("asked", example.prompt)]
    rows += [("passage", passage) for passage in example.context]
    rows += [
        ("answer", example.answer),
        ("right", example.reference),
        ("judge", example.said),
    ]
    for name, text in rows:
        if text:
            table.add_row(name, Text(harmless(text)))
    return table


def harmless(text: str) -> str:
    """Shorten what strangers wrote, without what would steer a terminal."""
    return plain(text[:LONGEST] + (_CUT if len(text) > LONGEST else ""))


def plain(text: str) -> str:
    """Replace what would steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
