"""A demo that was never played: what the gateway would say, and what visitors would."""

from collections import deque
from typing import Any

import yaml

from gateway.cli.demo.gate import Again, Look
from gateway.cli.demo.gateway_process import Servers, configuration
from gateway.cli.demo.judge import Account, Caught, Judge
from gateway.cli.demo.judging import Judging
from gateway.cli.demo.ledger import Ending, Ledger, Visit
from gateway.cli.demo.models import MODELS, Pretended, Sent
from gateway.cli.demo.overheard import Overheard
from gateway.cli.demo.scene import Scene
from gateway.cli.demo.script import FULL, JUDGED, LONG, SEGMENT, SHORT
from gateway.cli.views import Analysed, ServiceView, read
from gateway.domain.deployment import Deployment
from gateway.settings.load import load_document

Json = dict[str, Any]

BEGAN = 1000.0
CAUGHT = (
    "judge:hallucination where prompt is >=2KiB regressed: 1 on the candidate, 0.0095 on the "
    'baseline; odds against "not worse" 93,805 : 1, asked were 5,333 : 1, from 4 units of '
    "the candidate and 105 of the baseline. Rolled back: weight 5 % to 0 %."
)


def written(act: int = 0) -> str:
    """Give the configuration of an act, with servers that are nowhere."""
    nowhere = {model.name: "http://127.0.0.1:9" for model in MODELS}
    servers = Servers(
        versions=Pretended(endpoints=nowhere, sent={}).versions(),
        judge=Judge(url="http://127.0.0.1:9/v1", account=Account()).evaluator(),
    )
    return configuration(servers, FULL, FULL.acts[act])


def configured(act: int = 0) -> Deployment:
    """Give what a gateway makes of it."""
    document = yaml.safe_load(written(act))
    return load_document(document, source="the demo", environment={}, cores=2)


def entry(
    at: float,
    said: str,
    *,
    candidate: str = "v2",
    phase: str = "progressing",
    weight: tuple[float, float] = (0.0, 0.0),
    kind: str = "moved",
    findings: tuple[Json, ...] = (),
) -> Json:
    """Give an entry of the journal, as the admin API shows it."""
    body = {
        "said": said,
        "by": "analyzer" if kind == "moved" else "local",
        "phase": ["progressing", phase],
        "weight": list(weight),
        "after": {"candidate": candidate, "phase": phase},
        "findings": list(findings),
    }
    return {"seq": 1, "unix": BEGAN + at, "kind": kind, "service": "chat", "body": body}


def finding(metric: str, segment: tuple[str, str] | None = None, **more: Any) -> Json:
    """Give what is known of a metric, as the admin API shows it."""
    return {
        "metric": metric,
        "segment": segment,
        "verdict": "undecided",
        "log_e": 0.0,
        "log_threshold": 7.48 if segment is None else 8.58,
        "log_proof": 1.5 if segment is None else None,
        "log_proof_threshold": 3.0 if segment is None else None,
        "baseline": 0.01,
        "candidate": 0.02,
        "baseline_units": 105,
        "candidate_units": 4,
        **more,
    }


SPOKE = finding(JUDGED, (SEGMENT, LONG), verdict="regressed", log_e=11.4)
WRONG = "Alder Lock goes back to 1750."
KNOWN = "Alder Lock was built in 1741."
CLIMB = (
    entry(1, "Attempt 1 begins: v2 against v1.", kind="begun"),
    entry(1.2, "Begun. Step 1 of 4: weight 0 % to 5 %.", weight=(0, 5)),
    entry(
        15,
        "Step 1 of 4 passed: every metric is within its margin, from 155 units of the "
        "candidate. Step 2 of 4: weight 5 % to 25 %.",
        weight=(5, 25),
    ),
)
PROMOTED = entry(30, "Promoted: v2 serves all.", phase="promoted", weight=(25, 100))
FALL = (
    entry(40, "Attempt 2 begins.", candidate="v3", kind="begun", weight=(100, 0)),
    entry(41, "Begun. Step 1 of 4.", candidate="v3", weight=(0, 5)),
    entry(
        50,
        CAUGHT,
        candidate="v3",
        phase="rolled_back",
        weight=(5, 0),
        findings=(SPOKE,),
    ),
)


def look(
    at: float, phase: str, step: int, *entries: Json, metrics: tuple[Json, ...] = ()
) -> Look:
    """Give what the gateway said at a moment."""
    steps = [{"setWeight": {"percent": weight}} for weight in FULL.steps]
    rollout = {"phase": phase, "step": step, "steps": steps, "weight": 5.0}
    units = {"baseline": 1425, "candidate": 68}
    analysed = {
        "service": "chat",
        "rollout": rollout,
        "assessment": {"units_in_step": units},
        "metrics": list(metrics),
    }
    service = {
        "name": "chat",
        "weights": {"v1": 95.0, "v2": 5.0},
        "revision": 1,
        "versions": {name: _version(requests) for name, requests in COUNTED.items()},
    }
    return Look(
        at=BEGAN + at,
        service=read(ServiceView, service),
        analysed=read(Analysed, analysed),
        entries=list(entries),
        judging=Judging(judged=60, tokens=4000, cost=0.0005),
    )


COUNTED = {"v1": 40, "v2": 40, "v3": 20}


def _version(requests: int) -> Json:
    statistics = {
        "requests": requests,
        "error_rate": 0.0,
        "duration_seconds": {"p50": 0.3, "p95": 0.58},
        "time_to_first_token_seconds": {"p50": 0.087},
        "cost_usd": 0.002,
        "cost_per_request_usd": 0.00008,
        "codes": {"200": requests},
    }
    return {"role": None, "weight": 0.0, "statistics": statistics}


def visits(version: str, number: int, at: float, *, first: int = 0) -> list[Visit]:
    """Give as many visits that met a version at a moment."""
    return [
        Visit(
            user=first + user,
            sent_at=BEGAN + at,
            met_at=BEGAN + at + 0.1,
            ended_at=BEGAN + at + 0.3,
            version=version,
            claim=version,
            ending=Ending.WHOLE,
            streamed=user % 2 == 0,
        )
        for user in range(number)
    ]


def climbing() -> Scene:
    """Give a scene of the first act, in its second step."""
    scene = _scene()
    for visit in (*visits("v2", 10, 20.0), *visits("v1", 30, 20.0, first=10)):
        scene.ledger.record(visit)
    metrics = (
        finding("error_rate", log_proof=3.4, verdict="safe"),
        finding("duration", baseline=0.790, candidate=0.490, log_proof=-0.01),
        finding("time_to_first_token", log_e=1.2),
        finding(JUDGED, log_e=-0.3),
        finding(JUDGED, (SEGMENT, SHORT), log_e=0.4),
    )
    scene.take(look(25, "progressing", 1, *CLIMB, metrics=metrics))
    return scene


def over() -> Scene:
    """Give a scene of a demo in which all went as promised, when all is over."""
    scene = _scene()
    times = (("v1", 5.0), ("v2", 35.0), ("v3", 45.0))
    for name, at in times:
        for visit in visits(name, COUNTED[name], at, first=1000 * int(at)):
            scene.ledger.record(visit)
    scene.at = 1
    metrics = (finding("error_rate"), finding(JUDGED, log_e=3.0), SPOKE)
    scene.take(look(60, "rolled_back", 0, *CLIMB, PROMOTED, *FALL, metrics=metrics))
    for stretch in scene.ledger.stretches:
        stretch.met.clear()  # a few visits at one moment are no split
    scene.again = Again(told="31 entries, the chain holds.", is_same=True)
    return scene


def _texts(name: str) -> set[str]:
    return {WRONG} if name == "v3" else set()


def _scene() -> Scene:
    overheard = Overheard(lambda: 0.0)
    with overheard.listening("v2", 17) as quote:
        assert quote is not None
        quote.text = "A lift for boats"
    other = "It is written that Alder Lock was built in 1750 for the boats."
    made_up = {"v1": 0, "v2": 0, "v3": 10}
    return Scene(
        script=FULL,
        ledger=Ledger(),
        sent={
            name: Sent(answers=number, made_up=made_up[name], texts=_texts(name))
            for name, number in COUNTED.items()
        },
        judge=Account(
            judged=60,
            mistaken=2,
            caught=deque([Caught(other, KNOWN), Caught(WRONG, KNOWN)]),
        ),
        overheard=overheard,
        started_at=BEGAN,
    )
