"""VERSION=PERCENT, and what is said once it is in force."""

import pytest
import typer

from gateway.cli.views import Receipt, Workers
from gateway.cli.weights import parse_pairs, told


def test_pairs_are_read_in_order_with_or_without_a_percent_sign() -> None:
    """People write both."""
    assert parse_pairs(["v2=12.345", "v1=87.655%"]) == {"v2": 12.345, "v1": 87.655}


def test_a_version_may_have_an_equals_sign_in_its_name() -> None:
    """The last sign is the one that counts."""
    assert parse_pairs(["a=b=5"]) == {"a=b": 5.0}


@pytest.mark.parametrize("pair", ["v2", "v2=", "=5", "v2=ten", "v2=nan", "v2=inf", ""])
def test_what_is_no_pair_is_refused_by_name(pair: str) -> None:
    """Before anything is sent."""
    with pytest.raises(typer.BadParameter, match="Write VERSION=PERCENT"):
        parse_pairs([pair])


def test_a_version_named_twice_is_refused() -> None:
    """Nobody can tell which of the two was meant."""
    with pytest.raises(typer.BadParameter, match="v2 is there twice"):
        parse_pairs(["v2=5", "v2=6"])


def _receipt(*, durable: bool) -> Receipt:
    return Receipt(
        service="chat",
        weights={"v1": 75.0, "v2": 25.0},
        revision=7,
        workers=Workers(configured=2, connected=2, in_force=2),
        durable=durable,
    )


def test_a_change_is_told_in_one_line() -> None:
    """The split, the revision for --if-match, and who has it."""
    assert told(_receipt(durable=True)) == (
        "chat: v1 75 %, v2 25 %; revision 7; in force on 2 of 2 workers"
    )


def test_a_change_that_could_not_be_stored_says_so() -> None:
    """In force is not the same as kept."""
    assert "a restart would undo it" in told(_receipt(durable=False))
