"""A unit is counted once, however many workers saw it and however often they say so."""

import pytest

from gateway.control import evidence
from gateway.control.evidence import EvidenceBook
from gateway.domain.units import Share
from gateway.handoff.evidence import Block, Evidence, PairRecord, Record
from gateway.handoff.link import FrameReader, encode
from tests.unit.proxy.test_units import record


def said(
    *records: Record,
    worker: int = 0,
    pid: int = 10,
    sequence: int = 1,
    revision: int = 1,
) -> Evidence:
    block = Block(
        service="chat",
        revision=revision,
        versions=("v1", "v2"),
        share=Share(50_000),
        names=(),
        segments=0,
        records=list(records),
    )
    return Evidence(
        worker=worker,
        pid=pid,
        sequence=sequence,
        sampled=1.0,
        since=0.0,
        blocks=[block],
    )


def units(book: EvidenceBook) -> dict[tuple[str, str], int]:
    return {key: counts.units for key, counts in book.counts.items()}


def test_keys_are_counted_by_version() -> None:
    book = EvidenceBook(lambda: 0.0)
    other = record(2)
    other.is_candidate = False

    book.take(said(record(1), other, record(3)))

    assert units(book) == {("chat", "v2"): 2, ("chat", "v1"): 1}


def test_a_key_that_two_workers_saw_counts_once() -> None:
    book = EvidenceBook(lambda: 0.0)

    book.take(said(record(1), worker=0))
    book.take(said(record(1), record(1), worker=1, pid=11))

    assert units(book) == {("chat", "v2"): 1}


def test_a_repeated_message_is_not_heard_twice() -> None:
    book = EvidenceBook(lambda: 0.0)
    book.take(said(record(1), sequence=5))

    book.take(said(record(2), sequence=5))
    book.take(said(record(3), sequence=4))

    assert units(book) == {("chat", "v2"): 1}


def test_a_restarted_worker_is_heard_from_its_first_message_on() -> None:
    book = EvidenceBook(lambda: 0.0)
    book.take(said(record(1), sequence=500))

    book.take(said(record(2), pid=99, sequence=1))

    assert units(book) == {("chat", "v2"): 2}


def test_under_a_new_weight_a_key_counts_again() -> None:
    book = EvidenceBook(lambda: 0.0)
    book.take(said(record(1)))

    book.take(said(record(1), sequence=2, revision=2))

    assert units(book) == {("chat", "v2"): 2}


def test_what_ends_after_the_weight_changed_counts_under_its_own() -> None:
    """A version that hangs ends late, and must not vanish for that."""
    book = EvidenceBook(lambda: 0.0)
    book.take(said(record(1)))
    book.take(said(record(1), sequence=2, revision=2))

    book.take(said(record(1), record(7), sequence=3, revision=1))

    assert units(book) == {("chat", "v2"): 3}


def test_requests_without_a_key_are_units_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And need no memory, however many there are."""
    monkeypatch.setattr(evidence, "MOST_KEYS", 4)
    book = EvidenceBook(lambda: 0.0)
    keyless = [record(n << 32) for n in range(100)]
    for each in keyless:
        each.bucket = None

    book.take(said(*keyless))

    assert units(book) == {("chat", "v2"): 100}


def test_a_mirrored_pair_is_evidence_and_no_unit() -> None:
    now = 5.0
    book = EvidenceBook(lambda: now)
    told = said()
    told.blocks[0].pairs = [
        PairRecord(baseline=record(1), candidate=record(1)),
        PairRecord(baseline=record(2), candidate=None),
    ]
    book.take(told)
    now = 7.0

    assert book.age("chat") == 2
    assert units(book) == {("chat", "v1"): 0, ("chat", "v2"): 0}
    assert (book.pairs("chat", "v1"), book.pairs("chat", "v2")) == (1, 1)
    assert book.pairs("chat", "v3") == 0


def test_the_age_is_that_of_the_newest_unit() -> None:
    now = 100.0
    book = EvidenceBook(lambda: now)
    assert book.ages() == {}
    book.take(said(record(1)))
    now = 107.5

    assert book.ages() == {"chat": 7.5}


def test_a_key_counts_with_its_first_exchange_alone() -> None:
    book = EvidenceBook(lambda: 0.0)
    second = record(2)
    second.nth = 2

    book.take(said(record(1), second))

    assert units(book) == {("chat", "v2"): 1}


@pytest.mark.parametrize("step", [1, 1 << 32, 0x9E37_79B9_7F4A_7C15])
def test_hardly_a_key_seems_known_that_is_not(step: int) -> None:
    """Whatever fingerprints look like; and each is known again."""
    book = EvidenceBook(lambda: 0.0)
    keys = [record(n * step % (1 << 64)) for n in range(60_000)]
    book.take(said(*keys))

    counted = units(book)["chat", "v2"]
    book.take(said(*keys, sequence=2))

    assert 60_000 * 0.998 <= counted <= 60_000
    assert units(book)["chat", "v2"] == counted


def test_keys_are_known_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones, and those before them; older ones may count once more."""
    monkeypatch.setattr(evidence, "MOST_KEYS", 4)
    book = EvidenceBook(lambda: 0.0)
    book.take(said(*(record(n) for n in range(8))))
    before = units(book)["chat", "v2"]

    book.take(said(*(record(n) for n in range(8)), sequence=2))
    again = units(book)["chat", "v2"]
    book.take(said(*(record(n) for n in range(100, 200)), record(0), sequence=3))

    assert (before, again, units(book)["chat", "v2"]) == (8, 8, 109)
    assert (
        sum(map(len, (book._keys["chat"]._now, book._keys["chat"]._before))) == 2 << 20
    )


def test_what_is_not_served_any_more_is_forgotten() -> None:
    book = EvidenceBook(lambda: 0.0)
    book.take(said(record(1)))

    book.forget_all_but([("chat", "v1")])

    assert units(book) == {}


def test_records_survive_the_link_exactly() -> None:
    message = said(record(0xFFFF_FFFF_FFFF_FFFF), record(2))

    assert FrameReader().feed(encode(message)) == [message]


def test_one_version_and_one_service_can_be_asked_about() -> None:
    """Nothing is a zero, and no age."""
    now = 5.0
    book = EvidenceBook(lambda: now)
    assert (book.units("chat", "v2"), book.age("chat")) == (0, None)

    book.take(said(record(1), record(3)))
    now = 7.5

    assert (book.units("chat", "v2"), book.units("chat", "v1")) == (2, 0)
    assert (book.age("chat"), book.age("other")) == (2.5, None)


def test_units_of_lanes_are_counted_for_their_service() -> None:
    """A key is in one lane, so that nobody is counted twice."""
    book = EvidenceBook(lambda: 0.0)
    message = said(record(1), record(2))
    [block] = message.blocks
    block.service = "chat:v2"

    book.take(message)
    book.forget_all_but([("chat", "v1"), ("chat", "v2")])
    book.take(said(record(3), sequence=2))

    assert units(book) == {("chat", "v2"): 3}
    assert book.ages() == {"chat": 0.0}
