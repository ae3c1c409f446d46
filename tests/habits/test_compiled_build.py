"""The build on request: compiled it does the same, and nobody else needs a compiler."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".*", "venv", "build", "dist", "results", "__pycache__", "*.egg-info", "*.so"
)
SUITES = ("unit", "contracts", "properties", "flows")
BOUNDED = {
    # Once for each upgrade in a piece that is fed at once: 300 of them at most.
    "gateway/proxy/request_reader.py: self._feed",
}


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """Copy the tree, without what is not committed."""
    return Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=NOT_COPIED))


def _run(
    command: list[str], tree: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree / "gateway" / "building")}
    environment.pop("SLUICEGATE_COMPILE", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def _backend(call: str, tree: Path, **variables: str) -> Any:
    """Give what a call of the backend gives, as JSON can write it."""
    script = f"import json, sluicegate_build as b; print(json.dumps(b.{call}))"
    done = _run(["-c", script], tree, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _wheel(tree: Path, **variables: str) -> Path:
    done = _run(
        ["-m", "pip", "wheel", "-q", ".", "--no-deps", "-w", "wheels"],
        tree,
        **variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (tree / "wheels").glob("*.whl")
    return wheel


def test_every_pattern_of_the_compiled_modules_names_files() -> None:
    """A module that is moved must not drop out of the list without a word."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["sluicegate"]["compiled"]
    named_none = [
        pattern
        for kind in ("modules", "interpreted")
        for pattern in patterns[kind]
        if not any(ROOT.glob(pattern))
    ]
    modules = _backend("modules()", ROOT)

    assert not named_none
    assert "gateway/proxy/life_of_a_request.py" in modules
    assert "gateway/proxy/watched.py" not in modules
    assert all((ROOT / module).is_file() for module in modules)


def test_no_compiled_function_calls_itself_without_end() -> None:
    """Compiled, it would not stop at Python's recursion limit but overflow the stack."""
    recursive = {
        f"{module}: {name}"
        for module in _backend("modules()", ROOT)
        for name in _recursive(ast.parse((ROOT / module).read_text()))
    }

    assert recursive == BOUNDED


def test_no_structure_is_compiled() -> None:
    """A compiled class drops its settings, such as frozen=True, without a word."""
    structures = [
        f"{module}: {node.name}"
        for module in _backend("modules()", ROOT)
        for node in ast.walk(ast.parse((ROOT / module).read_text()))
        if isinstance(node, ast.ClassDef) and node.keywords
    ]

    assert not structures


def _recursive(module: ast.Module) -> list[str]:
    plain = set(module.body)
    calls = {
        function.name if function in plain else f"self.{function.name}": {
            _called(call.func)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
        }
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef)
    }
    return [name for name in calls if name in _reached_from(name, calls)]


def _called(function: ast.expr) -> str:
    """Name a function of the module, or a method of the same object."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return f"self.{name}"
        case _:
            return ""


def _reached_from(name: str, calls: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = set(calls[name])
    while ahead:
        one = ahead.pop()
        reached.add(one)
        ahead |= calls.get(one, set()) - reached
    return reached


def test_a_plain_build_needs_nothing_but_setuptools(tree: Path) -> None:
    requires = "get_requires_for_build_{}()"
    made = _backend("prepare_metadata_for_build_wheel('.')", tree)
    told = (tree / made / "METADATA").read_text().splitlines()
    needed = [
        line
        for line in told
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]

    assert _backend(requires.format("wheel"), tree) == []
    assert _backend(requires.format("editable"), tree) == []
    assert needed
    assert not [line for line in needed if "mypy" in line]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLUICEGATE_COMPILE": "1", "CC": "no-such-cc"}, "apt-get install gcc"),
        ({"SLUICEGATE_COMPILE": "yes"}, "Set it to 1"),
    ],
    ids=["without a compiler", "an unknown word"],
)
def test_what_cannot_be_compiled_says_what_to_do(
    variables: dict[str, str], expected: str
) -> None:
    script = "import sluicegate_build as b; b.get_requires_for_build_wheel()"

    done = _run(["-c", script], ROOT, **variables)

    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_plain_wheel_has_no_extension_and_no_backend(tree: Path) -> None:
    wheel = _wheel(tree)

    names = zipfile.ZipFile(wheel).namelist()

    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in names if name.endswith((".so", ".pyd", ".c"))]
    assert not [name for name in names if "building" in name]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_compiled_it_passes_the_tests_too(tree: Path) -> None:
    """The extensions of a compiled wheel, laid beside the sources they hide."""
    with zipfile.ZipFile(_wheel(tree, SLUICEGATE_COMPILE="1")) as wheel:
        wheel.extractall(tree)
    told = _run(
        ["-c", "from gateway.app import installed; print(installed.is_compiled())"],
        tree,
        PYTHONPATH=str(tree),
    )
    assert told.stdout.strip() == "True", told.stderr

    tests = [f"tests/{suite}" for suite in SUITES]
    done = _run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        tree,
        PYTHONPATH=str(tree),
    )

    assert done.returncode == 0, done.stdout[-5000:]
