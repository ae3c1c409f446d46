"""What the gateway says of its judge, read from /metrics as any scraper would."""

import http.client
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway.cli.demo.script import JUDGE, SERVICE
from gateway.evaluators.bench import Result
from gateway.telemetry.names import EVALUATIONS, EVALUATOR_COST, EVALUATOR_TOKENS

_DEADLINE_S: Final = 10.0
_OURS: Final = {"service": SERVICE, "evaluator": JUDGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What judging came to so far.

    Attributes:
        judged: Answers with a verdict.
        failed: Those whose judging failed.
        left_out: Those there was no room or time for.
        tokens: Read and written by the judge.
        cost: USD, by the judge's price.

    """

    judged: int = 0
    failed: int = 0
    left_out: int = 0
    tokens: int = 0
    cost: float = 0.0


def judging(admin: str) -> Judging:
    """Ask the gateway at *admin*.

    Raises:
        OSError: It does not answer.
        http.client.HTTPException: What it answers is no HTTP.

    """
    connection = http.client.HTTPConnection(urlsplit(admin).netloc, timeout=_DEADLINE_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return judging_in(text)


def judging_in(text: str) -> Judging:
    """Read it from the text of /metrics; zeros where it says nothing."""
    lines = [line for line in text.splitlines() if f'evaluator="{JUDGE}"' in line]
    families = text_string_to_metric_families("\n".join(lines))
    found = [sample for family in families for sample in family.samples]
    return Judging(
        judged=int(_sum(found, EVALUATIONS, result=Result.JUDGED)),
        failed=int(_sum(found, EVALUATIONS, result=Result.FAILED)),
        left_out=int(
            sum(
                _sum(found, EVALUATIONS, result=result)
                for result in (Result.LATE, Result.NO_ROOM)
            )
        ),
        tokens=int(_sum(found, EVALUATOR_TOKENS)),
        cost=_sum(found, EVALUATOR_COST),
    )


def _sum(found: list[Sample], name: str, **labels: str) -> float:
    wanted = (_OURS | labels).items()
    return sum(
        one.value for one in found if one.name == name and wanted <= one.labels.items()
    )
