"""Which commands there are, and what is said about those that are not."""

from collections.abc import Sequence

import pytest

from gateway.cli import later
from gateway.cli.main import main

BUILT = {
    "serve",
    "check",
    "simulate",
    "demo",
    "status",
    "weights",
    "reload",
    "start",
    "pause",
    "resume",
    "promote",
    "abort",
    "retry",
    "kill",
    "unkill",
    "analysis",
    "journal",
    "replay",
    "schema",
    "version",
}


def _run(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_help_lists_what_is_built_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name that does nothing yet must not be offered."""
    assert _run(["--help"]) == 0
    words = set(capsys.readouterr().out.split())
    assert words >= BUILT
    assert not words & set(later.NOT_YET)


def test_an_unknown_command_suggests_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Most unknown commands are mistyped ones."""
    assert _run(["weight"]) == 2
    assert "'weights'" in capsys.readouterr().err


@pytest.mark.parametrize("name", later.NOT_YET)
def test_a_command_that_is_not_built_yet_says_so_whatever_it_is_given(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names are fixed, so scripts may use them already; options are ignored."""
    assert _run([name, "chat", "--wait", "-o", "x"]) == 2
    assert f"`sluicegate {name}` is not available yet." in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["version", "--version"])
def test_the_version_is_one_line(
    asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both spellings are what people try first."""
    assert _run([asked]) == 0
    out = capsys.readouterr().out
    assert out.startswith("sluicegate ")
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Nothing to serve"),
        (["gateway.yaml", "--baseline", "http://a"], "--baseline"),
        (["gateway.yaml", "--weight", "5", "--state", "memory:"], "--weight, --state"),
        (["--candidate", "http://b"], "--baseline URL"),
        (["--baseline", "http://a", "--weight", "5"], "--candidate URL"),
        (["--baseline", "http://a", "--weight", "many"], "--weight"),
    ],
)
def test_serve_refuses_what_contradicts_itself(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Better refused than served in a way that was not meant."""
    assert _run(["serve", *arguments]) == 2
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert complaint in err


def test_serve_says_what_is_wrong_with_an_option_as_with_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The options become the same document, so the same checks speak."""
    assert _run(["serve", "--baseline", "nonsense"]) == 2
    assert capsys.readouterr().err.startswith("command line: services.chat.")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "http://[::1", "://", "h:x"]
)
def test_an_admin_address_that_is_none_is_a_usage_error(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No gateway is asked then, so the exit code is that of a wrong command."""
    assert _run(["status", "--admin", url]) == 2
    assert "Write it like http://127.0.0.1:8081." in capsys.readouterr().err
