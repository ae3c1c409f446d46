"""What is written into SQL is written there by us: values go beside it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
EXECUTES = {"execute", "executemany", "executescript"}
OF_OUR_OWN = {
    # Names of tables that our schema made; a pragma takes no parameters.
    "gateway/state/tables/schema.py": {"statement", "PRAGMA quick_check('{table}')"},
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sql_is_put_together_from_what_somebody_said(path: Path) -> None:
    allowed = OF_OUR_OWN.get(str(path.relative_to(ROOT)), set())
    composed = [
        f"line {call.lineno}: {ast.unparse(call.args[0])}"
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in EXECUTES
        and call.args
        and not _is_ours(call.args[0])
        and not any(each in ast.unparse(call.args[0]) for each in allowed)
    ]

    assert not composed


def _is_ours(sql: ast.expr) -> bool:
    """Whether it is a text, or made of constants alone."""
    match sql:
        case ast.Constant() | ast.Name():
            return isinstance(sql, ast.Constant) or sql.id.isupper()
        case ast.JoinedStr():
            values = [
                each for each in sql.values if isinstance(each, ast.FormattedValue)
            ]
            return all(_is_ours(each.value) for each in values)
        case _:
            return False
