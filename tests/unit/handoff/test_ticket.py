"""A request id says everything to its gateway and nothing to its holder."""

from dataclasses import replace

import pytest

from gateway.domain.ticket_key import TICKET_LASTS_S, TicketKey
from gateway.handoff.ticket import (
    Expired,
    Forged,
    Ticket,
    TicketMaker,
    read,
    route_code,
)

NOW = 1_700_000_000
KEY = TicketKey(number=513, secret=bytes(range(32)), made_at=0.0)
KEYS = {KEY.number: KEY}
ROUTE = route_code("chat", "v2")
MAKER = TicketMaker(KEY, route=ROUTE, segments=77, epoch=9)


@pytest.mark.parametrize("segments", range(17))
def test_what_is_written_is_read_again(segments: int) -> None:
    cell = bytes(range(31, 31 - segments, -1))

    text = MAKER.make(NOW, 2**64 - 1, 2**63, cell, is_evidence=True)

    padded = cell + b"\0" * (-segments % 3)
    assert read(text, KEYS, NOW) == Ticket(
        route=ROUTE,
        segments=77,
        cell=padded,
        epoch=9,
        fingerprint=2**63,
        is_evidence=True,
        issued=NOW,
        unique=2**64 - 1,
    )
    assert len(text) == 68 + 4 * (len(padded) // 3)


def test_an_id_is_accepted_for_thirty_days() -> None:
    text = MAKER.make(NOW, 1)

    assert isinstance(read(text, KEYS, NOW + TICKET_LASTS_S), Ticket)
    assert read(text, KEYS, NOW + TICKET_LASTS_S + 1) is Expired.ID


def test_a_clock_that_was_set_back_forges_nothing() -> None:
    assert isinstance(read(MAKER.make(NOW, 1), KEYS, NOW - 3600), Ticket)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"A" * 68,
        b"A" * 67,
        b"A" * 96,
        b"A" * 100_000,
        b"\xff" * 68,
        MAKER.make(NOW, 1) + b"\n",
        MAKER.make(NOW, 1) + b"AAAA",
        MAKER.make(NOW, 1)[:-4],
        b" " + MAKER.make(NOW, 1),
        MAKER.make(NOW, 1, 0, b"abc")[:-4],
    ],
)
def test_what_is_no_id_is_forged(text: bytes) -> None:
    assert read(text, KEYS, NOW) is Forged.ID


def test_another_key_does_not_read_it_whatever_its_number() -> None:
    text = MAKER.make(NOW, 1)
    renumbered = replace(KEY, number=KEY.number + 1)
    other = replace(KEY, secret=bytes(32))

    assert read(text, {}, NOW) is Forged.ID
    assert read(text, {renumbered.number: renumbered}, NOW) is Forged.ID
    assert read(text, {KEY.number: other}, NOW) is Forged.ID


def test_two_ids_of_one_moment_have_nothing_in_common_but_the_key() -> None:
    """Nobody can sort them by version, or count the requests between them."""
    other = TicketMaker(KEY, route=route_code("chat", "v1"), segments=77, epoch=9)
    ids = [MAKER.make(NOW, 1), MAKER.make(NOW, 2), other.make(NOW, 1)]

    tails = [text[4:] for text in ids]  # three bytes: the key's number and one more
    alike = [
        sum(one == two for one, two in zip(tails[a], tails[b], strict=True))
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert {text[:2] for text in ids} == {ids[0][:2]}
    assert max(alike) < 10  # one in 64 by chance


def test_a_version_has_the_same_code_everywhere_and_no_other_has_it() -> None:
    assert route_code("chat", "v2").hex() == route_code("chat", "v2").hex()
    names = [("a", "bc"), ("ab", "c"), ("abc", ""), ("chat", "v1"), ("chat", "v2")]
    assert len({route_code(*pair) for pair in names}) == len(names)


def test_no_secret_is_printed() -> None:
    assert "secret" not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
