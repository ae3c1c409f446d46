"""All cases, and the table of what nginx does otherwise, as the documents show it."""

from collections.abc import Iterable

from tests.conformance.answered import Answered
from tests.conformance.answers.framing import FRAMED
from tests.conformance.answers.heads import HEADED
from tests.conformance.case import Case
from tests.conformance.requests.chunks import CHUNKS
from tests.conformance.requests.connections import CONNECTIONS
from tests.conformance.requests.framing import FRAMING
from tests.conformance.requests.heads import HEADS
from tests.conformance.requests.targets import TARGETS

REQUESTS: tuple[Case, ...] = (*FRAMING, *CHUNKS, *HEADS, *TARGETS, *CONNECTIONS)
ANSWERS: tuple[Answered, ...] = (*FRAMED, *HEADED)


def differences() -> str:
    """Write the table: a row for each reason and what comes of it."""
    return "\n".join((
        _title("Requests", REQUESTS),
        *_rows(REQUESTS),
        "",
        _title("Answers", ANSWERS),
        *_rows(ANSWERS),
    ))


def _title(of: str, cases: Iterable[Case | Answered]) -> str:
    every = list(cases)
    other = sum(case.nginx is not None for case in every)
    return (
        f"{of}: {len(every)} cases, of which nginx reads {other} otherwise.\n\n"
        "| what is odd | here | nginx | why |\n|---|---|---|---|"
    )


def _rows(cases: Iterable[Case | Answered]) -> Iterable[str]:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for case in cases:
        if case.nginx is not None:
            alike = case.why, _short(case.ours), _short(case.nginx)
            rows.setdefault(alike, []).append(case.name)
    for (why, ours, nginx), names in rows.items():
        yield f"| {'; '.join(names)} | {ours} | {nginx} | {why} |"


def _short(outcome: str) -> str:
    """Say the client's side alone; the cases have the rest."""
    told, _, seen = outcome.partition(" <- ")
    end = seen.rpartition(", ")[2] if seen.endswith(("closed", "waits")) else ""
    return f"`{told}`" + (f", {end}" if end else "")


def named(case: Case | Answered) -> str:
    """Name a case for pytest."""
    return case.name


EVERY: tuple[Case | Answered, ...] = (*REQUESTS, *ANSWERS)
