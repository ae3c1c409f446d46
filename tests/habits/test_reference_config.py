"""The configurations we ship load, and the reference says what the code does."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.answers.dialects import FAMILIES
from gateway.answers.redaction import BUILT_IN
from gateway.answers.script import SCRIPTS
from gateway.answers.signals import SIGNALS
from gateway.cli.serve import DEFAULT_STATE
from gateway.domain.deployment import Deployment
from gateway.domain.evaluation import EvaluatorKind
from gateway.domain.reserved import RESERVED
from gateway.domain.rollout import (
    Analyse,
    OnFailure,
    Pause,
    SetHeaderRoute,
    SetMirrorRoute,
    SetWeight,
    Strategy,
)
from gateway.settings.load import load_document, load_file
from gateway.settings.scores import KNOWN
from gateway.settings.shapes.gateway import DocumentShape
from gateway.settings.shapes.shape import Shape
from gateway.settings.translation import keys_of, type_at
from gateway.settings.yaml_document import parse_yaml

CONFIG = Path(__file__).parents[2] / "config"
ENVIRONMENT = {
    "OPENAI_API_KEY": "Bearer sk-not-a-key",
    "JUDGE_API_KEY": "sk-not-a-key",
    "SLUICEGATE_PIPELINE_TOKEN": "0123456789abcdef",
    "SLUICEGATE_BOARD_TOKEN": "fedcba9876543210",
    "SLUICEGATE_TOKEN": "0011223344556677",
}
REQUIRED = {
    "listen": "127.0.0.1:8080",
    "admin": {"listen": "127.0.0.1:8081"},
    "services": {
        "chat": {
            "versions": {"v1": {"endpoints": ["http://127.0.0.1:9001"]}},
        }
    },
}
METRICS = ("services", "chat", "rollout", "analysis", "metrics")
STEP = ("services", "chat", "rollout", "steps", 0)
PLACES: dict[str, tuple[str | int, ...]] = {
    "": (),
    "admin": ("admin",),
    "admin.tokens[]": ("admin", "tokens", 0),
    "limits": ("limits",),
    "telemetry": ("telemetry",),
    "telemetry.otlp": ("telemetry", "otlp"),
    "service": ("services", "chat"),
    "match": ("services", "chat", "match"),
    "context": ("services", "chat", "context"),
    "segments[]": ("services", "chat", "segments", 0),
    "signals": ("services", "chat", "signals"),
    "feedback": ("services", "chat", "feedback"),
    "evaluators[]": ("services", "chat", "evaluators", 0),
    "evaluators[].budget": ("services", "chat", "evaluators", 0, "budget"),
    "samples": ("services", "chat", "samples"),
    "override": ("services", "chat", "override"),
    "failover": ("services", "chat", "failover"),
    "failover.budget": ("services", "chat", "failover", "budget"),
    "guard": ("services", "chat", "guard"),
    "rollout": ("services", "chat", "rollout"),
    "rollout.mirror": ("services", "chat", "rollout", "mirror"),
    "rollout.analysis": ("services", "chat", "rollout", "analysis"),
    "rollout.analysis.closes": ("services", "chat", "rollout", "analysis", "closes"),
    "rollout.analysis.metrics[]": (*METRICS, 0),
    "rollout.analysis.metrics[].margin": (*METRICS, 0, "margin"),
    "rollout.steps[]": STEP,
    "rollout.steps[].pause": (*STEP, "pause"),
    "rollout.steps[].analysis": (*STEP, "analysis"),
    "rollout.steps[].setHeaderRoute": (*STEP, "setHeaderRoute"),
    "setHeaderRoute.match[]": (*STEP, "setHeaderRoute", "match", 0),
    "headerValue": (*STEP, "setHeaderRoute", "match", 0, "headerValue"),
    "rollout.steps[].setMirrorRoute": (*STEP, "setMirrorRoute"),
    "setMirrorRoute.match[]": (*STEP, "setMirrorRoute", "match", 0),
    "version": ("services", "chat", "versions", "v1"),
    "path_rewrite": ("services", "chat", "versions", "v1", "path_rewrite"),
    "timeouts": ("services", "chat", "versions", "v1", "timeouts"),
    "deadlines": ("services", "chat", "versions", "v1", "deadlines"),
    "price": ("services", "chat", "versions", "v1", "price"),
    "tls": ("services", "chat", "versions", "v1", "tls"),
    "health": ("services", "chat", "versions", "v1", "health"),
    "outlier_detection": (
        "services",
        "chat",
        "versions",
        "v1",
        "outlier_detection",
    ),
    "version limits": ("services", "chat", "versions", "v1", "limits"),
}


def _load(path: Path) -> Deployment:
    return load_file(path, environment=ENVIRONMENT, cores=2)


def _shape(place: tuple[str | int, ...]) -> type[Shape]:
    found = type_at(place)
    assert isinstance(found, type)
    assert issubclass(found, Shape)
    return found


def _subclasses(of: type[Shape]) -> Iterator[type[Shape]]:
    for shape in of.__subclasses__():
        yield shape
        yield from _subclasses(shape)


@pytest.mark.parametrize(
    "path", sorted(CONFIG.rglob("*.yaml")), ids=lambda path: str(path.name)
)
def test_every_configuration_we_ship_loads(path: Path) -> None:
    """Whoever copies one starts with something that works."""
    assert _load(path).services


def test_one_example_shows_all_that_is_read_in_answers() -> None:
    """Each part of it works, and works together with the others."""
    deployment = _load(CONFIG / "examples" / "reading.yaml")
    (shown,) = deployment.services
    usual = load_document(REQUIRED, source="bare", environment={}, cores=2)
    (bare,) = usual.services

    assert deployment.access_log != usual.access_log
    assert shown.segments
    assert shown.signals.reported
    assert shown.usage is not bare.usage
    assert shown.feedback != bare.feedback
    for version in shown.versions:
        assert version.price
        assert version.deadlines.first_token


def test_one_example_is_judged() -> None:
    """What each evaluator gives guards the rollout, or is looked at."""
    (service,) = _load(CONFIG / "examples" / "judged.yaml").services
    plan = service.rollout

    assert plan is not None
    given = {
        evaluator.signal(score.name)
        for evaluator in service.evaluators
        for score in evaluator.scores
    }
    assert {rule.signal for rule in plan.analysis.metrics} > given
    assert {each.kind for each in service.evaluators} > {EvaluatorKind.LLM_JUDGE}
    assert any(each.budget.usd_per_hour for each in service.evaluators)
    assert service.sampling.patterns


def test_one_example_climbs_by_evidence() -> None:
    """Each part of a plan works, and works together with the others."""
    (service,) = _load(CONFIG / "examples" / "canary-by-evidence.yaml").services
    plan = service.rollout

    assert plan is not None
    assert plan.strategy is Strategy.CANARY
    assert [s.share for s in plan.steps if isinstance(s, SetWeight)] == [
        5_000,
        25_000,
        50_000,
    ]
    assert {rule.on_failure for rule in plan.analysis.metrics} == set(OnFailure)
    assert ("plan", "paid") in plan.analysis.require_segments


def test_one_example_switches_at_once() -> None:
    """After a preview, which changes no user's answers."""
    (service,) = _load(CONFIG / "examples" / "blue-green.yaml").services
    plan = service.rollout

    assert plan is not None
    assert plan.strategy is Strategy.BLUE_GREEN
    assert {type(step) for step in plan.steps} == {
        SetHeaderRoute,
        SetMirrorRoute,
        Analyse,
        Pause,
    }


def test_the_reference_writes_the_defaults_of_the_code() -> None:
    """Leaving everything out means the same as copying the reference."""
    reference = _load(CONFIG / "reference.yaml")
    bare = load_document(REQUIRED, source="bare", environment={}, cores=2)

    assert replace(reference.state, path="state.db") == bare.state
    assert replace(reference, state=bare.state) == bare


def test_the_reference_writes_the_usual_rollout() -> None:
    """It is off by default, so it stands there as a comment, and means what {} means."""
    written = _uncommented("rollout")
    (chat,) = _rolled_out(written).services
    (bare,) = _rolled_out({}).services

    assert chat == bare
    for name in ("rollout", "rollout.mirror", "rollout.analysis"):
        inner = written
        for key in PLACES[name][3:]:
            inner = inner[str(key)]
        assert set(inner) == set(keys_of(_shape(PLACES[name])))


def _rolled_out(rollout: object) -> Deployment:
    document: Any = deepcopy(REQUIRED)
    chat = document["services"]["chat"]
    chat["versions"]["v2"] = {"endpoints": ["http://127.0.0.1:9002"]}
    chat |= {"baseline": "v1", "candidate": "v2", "rollout": rollout}
    return load_document(document, source="full", environment={}, cores=2)


def _uncommented(key: str) -> Any:
    text = (CONFIG / "reference.yaml").read_text()
    (block,) = re.findall(rf"^ +# {key}:\n(?: +#   .*\n)+", text, re.MULTILINE)
    return yaml.safe_load(re.sub(r"^ +# ", "", block, flags=re.MULTILINE))[key]


def test_the_places_looked_at_are_all_there_are() -> None:
    """A shape that is new has to be added above."""
    assert {_shape(place) for place in PLACES.values()} == set(_subclasses(Shape))
    assert _shape(()) is DocumentShape


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_the_reference_has_every_key(place: tuple[str | int, ...]) -> None:
    """In its place; what has no default, and what is planned, in a comment."""
    text = (CONFIG / "reference.yaml").read_text()
    shape = _shape(place)

    for key in (*keys_of(shape), *shape.later):
        assert re.search(rf"(^|[ {{]){key}:", text, re.MULTILINE), key
    assert not set(shape.later) & set(keys_of(shape))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_every_default_is_written_and_not_only_mentioned(
    place: tuple[str | int, ...],
) -> None:
    """So that the comparison with the code means something."""
    text = (CONFIG / "reference.yaml").read_text()
    written: Any = parse_yaml(text, source="reference")
    for step in place:
        is_there = isinstance(written, dict) and written.get(str(step))
        written = written[step] if is_there else None
    if written is None:
        return  # tokens, otlp, segments and the like are off by default

    assert set(written) == set(keys_of(_shape(place)))


@pytest.mark.parametrize("place", PLACES.items(), ids=PLACES.keys())
def test_the_readme_explains_every_key(
    place: tuple[str, tuple[str | int, ...]],
) -> None:
    """With its default in the same row."""
    text = _readme()
    name, steps = place
    prefix = name.removeprefix("service").removeprefix("version").strip()

    for key in keys_of(_shape(steps)):
        if type_at((*steps, key)) not in set(_subclasses(Shape)):
            row = f"| `{prefix}.{key}` |" if prefix else f"| `{key}` |"
            assert row in text, row


@pytest.mark.parametrize("family", FAMILIES)
def test_the_readme_names_every_family_of_dialects(family: str) -> None:
    """In the row that says what may be written."""
    (row,) = re.findall(r"^\| `dialect` \|.*$", _readme(), re.MULTILINE)

    assert f"`{family}`" in row


def test_the_readme_says_where_state_is_kept_without_a_file() -> None:
    """Not where a file keeps it: it is lost at the end."""
    (row,) = re.findall(r"^\| `state` \|.*$", _readme(), re.MULTILINE)
    (alone,) = re.findall(r"^`sluicegate serve --baseline .*$", _readme(), re.MULTILINE)

    assert f"`{DEFAULT_STATE}`" in row
    assert "`serve --baseline`" in row
    assert f"`{DEFAULT_STATE}`" in alone


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_readme_has_a_row_for_every_signal(signal: str) -> None:
    """With what it is not, and what it costs."""
    rows = re.findall(rf"^\| `{signal}`[ ●◇]* \|.*$", _readme(), re.MULTILINE)

    assert len(rows) == 1
    assert rows[0].count("|") == 6


@pytest.mark.parametrize("name", [*RESERVED, *SCRIPTS, *KNOWN, *BUILT_IN])
def test_the_readme_names_what_may_and_may_not_be_written(name: str) -> None:
    assert f"`{name}`" in _readme()


def _readme() -> str:
    return (CONFIG / "README.md").read_text()
