"""Where commands print: tables for people, JSON for machines, both good in a pipe.

rich looks at NO_COLOR and TERM by itself. In a pipe there is no width, so lines are
given room instead of being cut.
"""

import json
import os
import sys
from io import TextIOWrapper
from typing import Final

import typer
from rich.console import Console
from rich.table import Table

_ROOM_IN_A_PIPE: Final = 200


def screen() -> Console:
    """Make the console on stdout; what its encoding lacks is shown as `?`."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if has_width else _ROOM_IN_A_PIPE, highlight=False)


def plain_table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Make a table without lines; the columns in *numbers* are set to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def print_json(value: object) -> None:
    """Print *value* for a machine, uncoloured."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
