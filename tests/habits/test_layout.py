"""What keeps the code readable in an evening, held against every file."""

import ast
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
NOT_IN_A_WORKER = {
    "aiohttp",
    "jinja2",
    "numpy",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "rich",
    "typer",
    "yaml",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_file_is_long_and_no_function_is_long(path: Path) -> None:
    text = path.read_text()
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _lines_of_code(node) > LONGEST_FUNCTION
    ]

    assert not long
    assert len(text.splitlines()) <= LONGEST_FILE


def _lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_a_worker_loads_nothing_but_the_data_path() -> None:
    """Small and quick to start: see the processes in gateway/README.md."""
    script = (
        "import sys, gateway.app.worker; print(*{m.split('.')[0] for m in sys.modules})"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert not NOT_IN_A_WORKER & set(told.stdout.split())


def test_no_file_names_a_machine() -> None:
    """Paths and hosts of whoever wrote it have no place in the product."""
    texts = chain.from_iterable(
        ROOT.rglob(pattern) for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.lua")
    )
    forbidden = [f"/{name}/" for name in ("work", "root")]  # not to name them here
    telling = [
        named(path)
        for path in (*texts, ROOT / "Dockerfile", ROOT / ".ci" / "run")
        if not {".venv", "venv", "build"} & set(path.parts)
        and any(word in path.read_text() for word in forbidden)
    ]

    assert not telling


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = next(
        line
        for line in (ROOT / "README.md").read_text().splitlines()
        if "[test]" in line and "pytest" in line
    )

    assert command in (ROOT / ".ci" / "run").read_text()
