"""Puts one trace before all judges, and many traces one after another."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from loadtest.detection.judges import JUDGES
from loadtest.detection.traffic import SECONDS, Scenario


@dataclass(slots=True)
class Record:
    """How one judge did over the traces of one scenario.

    Attributes:
        traces: It has seen.
        early: Taken back before there was a fault.
        caught: Candidate requests from the fault to the rollback, of each trace in which
            there was one.

    """

    traces: int = 0
    early: int = 0
    caught: list[int] = field(default_factory=list)


def watch(scenario: Scenario, seed: int, records: dict[str, Record]) -> None:
    """Put one trace before every judge; each stops at its rollback."""
    judges = {name: make() for name, make in JUDGES.items()}
    begins = scenario.begins * SECONDS
    exposed = 0
    for place, second in enumerate(scenario.slices(seed)):
        if is_faulty := place >= begins:
            exposed += second.candidate[0]
        condemning = [name for name in judges if judges[name].condemns(second)]
        for name in condemning:
            del judges[name]
            if is_faulty:
                records[name].caught.append(exposed)
            else:
                records[name].early += 1
        if not judges:
            break
    for record in records.values():
        record.traces += 1


def watch_all(scenario: Scenario, seeds: Iterable[int]) -> dict[str, Record]:
    """Put a trace for each seed before every judge."""
    records = {name: Record() for name in JUDGES}
    for seed in seeds:
        watch(scenario, seed, records)
    return records
