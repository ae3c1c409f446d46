"""The journal's entries, and the chain that shows whether one was changed or is missing.

The hash of an entry covers the hash before it and the digest of its body, not the body
itself. So a body that nobody needs any more can be taken out, and the chain still holds
(decisions/0008). Anybody can check it: an entry's hash is the SHA-256 of the JSON array
[hash before, seq, at, service, kind, digest], without spaces, hashes in hexadecimal.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BLOCK: Final = "block"
"""Kind of the entry that closes a block with its counts: there are many of them, and
they alone may lose their bodies, or be left out while the store is away."""

BEGUN: Final = "begun"
"""Kind of the entry that begins an attempt, by start or retry; pruning goes by it."""

LEFT_OUT: Final = "left_out"
"""Kind of the entry that stands for blocks that found no room while the store was away."""

_BEFORE_THE_FIRST: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an entry says, before it has its place in the journal.

    Attributes:
        at: Unix time in seconds, for people; nothing is computed from it.
        service: Its name; None: the whole gateway.
        kind: One word, such as `block` or `begun`.
        body: JSON.

    """

    at: float
    service: str | None
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal.

    Attributes:
        seq: Its number: 1 is the first, and none is left out.
        at: As in Draft.
        service: As in Draft.
        kind: As in Draft.
        body: JSON; None when it was taken out, as only that of a block may be.
        digest: SHA-256 of the body.
        hash: SHA-256 of the above without the body, and of the hash before.

    """

    seq: int
    at: float
    service: str | None
    kind: str
    body: bytes | None
    digest: bytes
    hash: bytes


def chained(previous: Entry | None, drafts: Iterable[Draft]) -> list[Entry]:
    """Give *drafts* their places behind *previous*; None: they are the first."""
    entries = []
    for draft in drafts:
        previous = _after(previous, draft)
        entries.append(previous)
    return entries


def first_break(
    entries: Iterable[Entry], *, previous: Entry | None = None
) -> Entry | None:
    """Find the first entry that is not what was written there.

    A journal that was cut short at its end looks whole: compare its last hash with one
    that was written down elsewhere.

    Args:
        entries: In order, with no entry between them left out.
        previous: The entry before them; None: they are the first of the journal. Who
            checks from the middle trusts one entry, and gives it here.

    Returns:
        None when the chain holds.

    """
    for entry in entries:
        if not _follows(entry, previous):
            return entry
        previous = entry
    return None


def without_body(entry: Entry) -> Entry:
    """Give a block's entry without what it said; its place in the chain stays."""
    return Entry(
        seq=entry.seq,
        at=entry.at,
        service=entry.service,
        kind=entry.kind,
        body=None,
        digest=entry.digest,
        hash=entry.hash,
    )


def prunable(entries: Sequence[Entry], *, attempts: int) -> list[Entry]:
    """Find the blocks of one service whose bodies may go.

    Args:
        entries: Of that service, in order.
        attempts: How many of the last attempts keep theirs; one or more.

    """
    begun = [entry.seq for entry in entries if entry.kind == BEGUN]
    if len(begun) < attempts:
        return []
    oldest_kept = begun[-attempts]
    return [
        entry
        for entry in entries
        if entry.kind == BLOCK and entry.body is not None and entry.seq < oldest_kept
    ]


def _after(previous: Entry | None, draft: Draft) -> Entry:
    seq = _seq_after(previous)
    at = float(draft.at)  # as a database gives it back
    digest = hashlib.sha256(draft.body).digest()
    return Entry(
        seq=seq,
        at=at,
        service=draft.service,
        kind=draft.kind,
        body=draft.body,
        digest=digest,
        hash=_hash(previous, [seq, at, draft.service, draft.kind, digest.hex()]),
    )


def _follows(entry: Entry, previous: Entry | None) -> bool:
    fields = [entry.seq, entry.at, entry.service, entry.kind, entry.digest.hex()]
    return (
        entry.seq == _seq_after(previous)
        and _is_said_by(entry)
        and entry.hash == _hash(previous, fields)
    )


def _is_said_by(entry: Entry) -> bool:
    if entry.body is None:
        return entry.kind == BLOCK
    return entry.digest == hashlib.sha256(entry.body).digest()


def _seq_after(previous: Entry | None) -> int:
    return previous.seq + 1 if previous is not None else 1


def _hash(previous: Entry | None, fields: list[int | float | str | None]) -> bytes:
    before = previous.hash if previous is not None else _BEFORE_THE_FIRST
    text = json.dumps([before.hex(), *fields], separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()
