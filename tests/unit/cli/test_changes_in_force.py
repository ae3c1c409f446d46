"""A change is only told as done when every worker that should be there has it."""

import pytest
import typer

from gateway.cli.admin_api import AdminApi
from gateway.cli.in_force import demand_everywhere, told
from gateway.cli.views import Workers
from gateway.domain.errors import BadConfiguration


def _workers(configured: int, connected: int, in_force: int) -> Workers:
    return Workers(configured=configured, connected=connected, in_force=in_force)


def test_everywhere_is_every_worker_that_is_configured() -> None:
    """Nothing is said and nothing fails."""
    demand_everywhere(_workers(2, 2, 2))

    assert told(_workers(2, 2, 2)) == "in force on 2 of 2 workers"


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (_workers(2, 1, 1), "Only 1 of 2 workers are linked"),
        (_workers(1, 0, 0), "Only 0 of 1 workers are linked"),
        (_workers(2, 2, 1), "has not taken it up in time"),
        (_workers(0, 0, 0), "has not taken it up in time"),
    ],
)
def test_a_worker_without_it_is_told_and_fails_the_command(
    workers: Workers, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline must not go on as if it were done."""
    with pytest.raises(typer.Exit) as left:
        demand_everywhere(workers)

    assert left.value.exit_code == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("token", ["пароль", "two words", "line\n", "\udcff"])
def test_a_token_that_no_header_carries_is_refused_in_words(token: str) -> None:
    """And is not shown."""
    with pytest.raises(BadConfiguration, match="SLUICEGATE_TOKEN") as refused:
        AdminApi("127.0.0.1:1", token)

    assert token not in str(refused.value)


def test_a_revision_that_no_header_carries_is_refused_in_words() -> None:
    """Before anything is sent."""
    with pytest.raises(BadConfiguration, match="--if-match"):
        AdminApi("127.0.0.1:1").set_weights("chat", {"v2": 1}, revision="sieben\n")
