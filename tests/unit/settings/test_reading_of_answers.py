"""What is read in answers, measured, priced and told to others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.answers.dialects import AUTO, FAMILIES
from gateway.answers.signals import SIGNALS
from gateway.domain.deployment import (
    AccessLog,
    AccessLogKind,
    Deployment,
    Otlp,
    Telemetry,
)
from gateway.domain.outcome import Outcome
from gateway.domain.price import Price
from gateway.domain.reserved import RESERVED
from gateway.domain.service import (
    DEFAULT_SIGNALS,
    Deadlines,
    DialectChoice,
    Feedback,
    ReportedSignal,
    ReportPlace,
    Service,
    Signals,
    UsageRule,
)
from gateway.domain.units import Seconds
from gateway.settings.load import load_file
from gateway.settings.shapes import telemetry

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]
WriteFile = Callable[[str | bytes], Path]

CHAT = "services.chat"
V1 = f"{CHAT}.versions.v1"
BARE = """
listen: 127.0.0.1:8080
admin: {listen: "127.0.0.1:8081"}
services: {chat: {versions: {v1: {endpoints: [http://a:1]}}}}
"""


def test_every_family_of_dialects_can_be_chosen_and_no_other() -> None:
    """A dialect that nobody can name is of no use, and one that nobody reads a lie."""
    assert {choice.value for choice in DialectChoice} == {AUTO, *FAMILIES}


@pytest.mark.parametrize("choice", DialectChoice)
def test_a_dialect_is_chosen_by_its_name(
    written: Write, load: Load, choice: DialectChoice
) -> None:
    document = written("service", f"dialect: {choice.value}")

    assert load(document).services[0].dialect is choice


def test_what_is_measured_by_default_can_be_measured() -> None:
    assert set(DEFAULT_SIGNALS) <= set(SIGNALS)


def test_no_signal_has_the_name_of_a_metric_that_every_service_has() -> None:
    assert not set(RESERVED) & set(SIGNALS)
    assert set(Outcome) <= {*RESERVED, *SIGNALS}


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("signals: {{names: [{{name: {}, header: a}}]}}", "signals.names[0].name"),
        ("signals: {{names: [{{name: {}, json: /a}}]}}", "signals.names[0].name"),
        ("feedback: {{signals: [{}]}}", "feedback.signals[0]"),
    ],
)
def test_the_name_of_a_metric_that_every_service_has_is_taken(
    written: Write, lines: Lines, name: str, text: str, place: str
) -> None:
    (found,) = lines(written("service", text.format(name)))

    assert found.startswith(f"{CHAT}.{place}: found the name '{name}', which a metric")


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_every_signal_can_be_named(written: Write, load: Load, name: str) -> None:
    document = written("service", f"signals: {{names: [{name}]}}")

    assert load(document).services[0].signals.names == (name,)


def test_what_is_not_written_is_what_the_domain_says(
    document: dict[str, Any], load: Load
) -> None:
    deployment = load(document)
    (service,) = deployment.services

    assert service.signals == Signals()
    assert service.feedback == Feedback()
    assert service.versions[0].price is None
    assert deployment.access_log == AccessLog(kind=AccessLogKind.OFF)
    assert deployment.telemetry == Telemetry(otlp=None)


def test_everything_about_the_reading_of_a_service_arrives(
    written: Write, load: Load
) -> None:
    """Names of headers are lowered, as header names have no case."""
    text = """
      usage: inject
      context: {json: /rag/documents}
      signals:
        names: [refusal, {name: toxicity, header: X-Toxicity}, {name: score, json: /m/0}]
        sample: 0.05
        cpu: 1ms
      feedback: {deadline: 7d, signals: [thumbs_up, resolved]}
    """

    service = load(written("service", text)).services[0]

    assert service == Service(
        name="chat",
        versions=service.versions,
        baseline="v1",
        candidate="v2",
        usage=UsageRule.INJECT,
        context="/rag/documents",
        signals=Signals(
            names=("refusal",),
            reported=(
                ReportedSignal(
                    name="toxicity", place=ReportPlace.HEADER, key="x-toxicity"
                ),
                ReportedSignal(name="score", place=ReportPlace.JSON, key="/m/0"),
            ),
            sample=0.05,
            cpu=Seconds(0.001),
        ),
        feedback=Feedback(
            deadline=Seconds(7 * 86_400.0), signals=("thumbs_up", "resolved")
        ),
    )


def test_signals_can_be_turned_off(written: Write, load: Load) -> None:
    service = load(written("service", "signals: {names: []}")).services[0]

    assert service.signals == Signals(names=())


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("{input: 0.15, output: 1}", Price(input=0.15, output=1.0)),
        ("{input: 0, output: 0}", Price(input=0.0, output=0.0)),
        (
            "{input: 3, cached_input: 0.3, output: 15}",
            Price(input=3.0, cached_input=0.3, output=15.0),
        ),
        (
            "{input: 3, cached_input: null, output: 15}",
            Price(input=3.0, output=15.0),
        ),
        ("null", None),
    ],
)
def test_a_price_is_in_usd_per_million_tokens(
    written: Write, load: Load, text: str, price: Price | None
) -> None:
    """What is free costs 0, and what nobody priced costs nobody knows what."""
    document = written("version", f"price: {text}")

    assert load(document).services[0].versions[0].price == price


@pytest.mark.parametrize(
    ("text", "seconds"), [("{first_token: 30s}", 30.0), ("{first_token: null}", None)]
)
def test_an_answer_may_have_a_deadline(
    written: Write, load: Load, text: str, seconds: float | None
) -> None:
    version = load(written("version", f"deadlines: {text}")).services[0].versions[0]
    expected = None if seconds is None else Seconds(seconds)

    assert version.deadlines == Deadlines(first_token=expected)


@pytest.mark.parametrize(
    ("text", "log"),
    [
        ("off", AccessLog()),
        ("'off'", AccessLog()),
        ("stdout", AccessLog(kind=AccessLogKind.STDOUT)),
        ("a.log", AccessLog(kind=AccessLogKind.FILE, path="a.log")),
        ("./stdout", AccessLog(kind=AccessLogKind.FILE, path="stdout")),
        ("/var/log/a", AccessLog(kind=AccessLogKind.FILE, path="/var/log/a")),
    ],
)
def test_exchanges_are_logged_nowhere_or_on_stdout_or_in_a_file(
    written: Write, load: Load, text: str, log: AccessLog
) -> None:
    assert load(written("top", f"access_log: {text}")).access_log == log


def test_the_path_of_the_log_begins_at_the_files_folder(file: WriteFile) -> None:
    path = file(f"{BARE}access_log: logs/access.log\n")

    log = load_file(path, environment={}, cores=1).access_log

    assert log.path == str(path.parent / "logs" / "access.log")


@pytest.mark.parametrize(
    ("text", "otlp"),
    [
        ("null", None),
        ("http://otel:4318", Otlp(endpoint="http://otel:4318")),
        (
            "{endpoint: 'https://o/x', headers: {Api-Key: {env: KEY}}, interval: 1m, "
            "traces: 1}",
            Otlp(
                endpoint="https://o/x",
                headers=(("Api-Key", "a-secret-of-the-environment"),),
                interval=Seconds(60.0),
                traces=1.0,
            ),
        ),
    ],
)
def test_a_collector_is_a_url_or_more(
    written: Write, load: Load, text: str, otlp: Otlp | None
) -> None:
    document = written("top", f"telemetry: {{otlp: {text}}}")

    assert load(document).telemetry == Telemetry(otlp=otlp)


@pytest.mark.parametrize(
    ("level", "text", "place", "words"),
    [
        ("service", "dialect: openia", "dialect", "Did you mean 'openai'?"),
        ("service", "dialect: true", "dialect", "found true. Write one of: auto,"),
        ("service", "usage: injekt", "usage", "Did you mean 'inject'?"),
        ("service", "context: /documents", "context", "some of: json"),
        ("service", "context: {}", "context.json", "such as `json: /documents`"),
        ("service", "context: {json: documents}", "context.json", "no JSON pointer"),
        ("service", "context: {path: /a}", "context.json", "missing"),
        ("service", "signals: [refusal]", "signals", "some of: names, sample, cpu"),
        ("service", "signals: {name: [a]}", "signals", "Did you mean 'names'?"),
        ("service", "signals: {names: refusal}", "signals.names", "Write a list"),
        ("service", "signals: {names: [refusl]}", "signals.names[0]", "'refusal'?"),
        ("service", "signals: {names: [5]}", "signals.names[0]", "found 5. Write the"),
        ("service", "signals: {names: [[]]}", "signals.names[0]", "an empty list"),
        (
            "service",
            "signals: {names: [empty, refusal, empty]}",
            "signals.names[2]",
            "found the signal 'empty' again",
        ),
        (
            "service",
            "signals: {names: [{name: x, header: a}, {name: x, json: /a}]}",
            "signals.names[1]",
            "found the signal 'x' again",
        ),
        ("service", "signals: {names: [{}]}", "signals.names[0]", "none of them"),
        ("service", "signals: {names: [{name: x}]}", "signals.names[0]", "found name."),
        (
            "service",
            "signals: {names: [{name: x, header: a, json: /a}]}",
            "signals.names[0]",
            "one of header and json",
        ),
        (
            "service",
            "signals: {names: [{name: x, heder: a}]}",
            "signals.names[0]",
            "Did you mean 'header'?",
        ),
        (
            "service",
            "signals: {names: [{name: x y, header: a}]}",
            "signals.names[0].name",
            "found the name 'x y'",
        ),
        (
            "service",
            "signals: {names: [{name: refusal, header: a}]}",
            "signals.names[0].name",
            "the gateway's own signal",
        ),
        (
            "service",
            "signals: {names: [{name: x, header: te}]}",
            "signals.names[0].header",
            "ends at each connection",
        ),
        (
            "service",
            "signals: {names: [{name: x, json: a}]}",
            "signals.names[0].json",
            "no JSON pointer",
        ),
        ("service", "signals: {sample: 1.5}", "signals.sample", "from 0 to 1"),
        ("service", "signals: {sample: -0.1}", "signals.sample", "found -0.1"),
        ("service", "signals: {sample: 5%}", "signals.sample", "found '5%'"),
        ("service", "signals: {sample: true}", "signals.sample", "found true"),
        ("service", "signals: {cpu: fast}", "signals.cpu", "no duration"),
        ("service", "signals: {cpu: 1s}", "signals.cpu", "Write at most 100ms"),
        ("service", "feedback: {deadlin: 1h}", "feedback", "mean 'deadline'?"),
        ("service", "feedback: {deadline: 0}", "feedback.deadline", "no duration"),
        ("service", "feedback: {deadline: 31d}", "feedback.deadline", "at most 30d"),
        ("service", "feedback: {signals: [a b]}", "feedback.signals[0]", "'a b'"),
        ("service", "feedback: {signals: [a, a]}", "feedback.signals[1]", "again"),
        (
            "service",
            "feedback: {signals: [refusal]}",
            "feedback.signals[0]",
            "measured in answers already",
        ),
        (
            "service",
            "{feedback: {signals: [a, x]}, signals: {names: [{name: x, json: /x}]}}",
            "feedback.signals[1]",
            "measured in answers already",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(
    written: Write, lines: Lines, level: str, text: str, place: str, words: str
) -> None:
    """The line begins with the path, and says what was found or what to do."""
    found = lines(written(level, text))

    assert found[0].startswith(f"{CHAT}.{place}: ")
    assert words in found[0]


@pytest.mark.parametrize("key", ["signals: {names", "feedback: {signals"])
def test_there_is_a_bound_on_signals(written: Write, lines: Lines, key: str) -> None:
    """Each costs memory for each version, whether it is ever seen or not."""
    reported = [f"{{name: s{n}, header: a}}" for n in range(65)]
    names = reported if key.startswith("signals") else [f"s{n}" for n in range(65)]

    (found,) = lines(written("service", f"{key}: [{', '.join(names)}]}}"))

    assert "found 65 entries. Write at most 64." in found


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("price: 0.15", "price", "Write {input: 0.15, output: 0.60} in USD"),
        ("price: {}", "price.input", "such as `input: 0.15`"),
        ("price: {input: 1}", "price.output", "missing"),
        ("price: {input: -1, output: 1}", "price.input", "found -1. Write USD"),
        ("price: {input: .inf, output: 1}", "price.input", "found inf"),
        ("price: {input: $1, output: 1}", "price.input", "without a unit"),
        ("price: {input: true, output: 1}", "price.input", "found true"),
        ("price: {input: 1, output: 1000001}", "price.output", "found 1000001"),
        (
            "price: {input: 1, output: 1, cached: 0}",
            "price",
            "Did you mean 'cached_input'?",
        ),
        ("deadlines: 30s", "deadlines", "some of: first_token"),
        ("deadlines: {first_byte: 1s}", "deadlines", "Known: first_token"),
        ("deadlines: {first_token: soon}", "deadlines.first_token", "no duration"),
    ],
)
def test_what_a_version_cannot_cost_or_take_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    found = lines(written("version", text))

    assert found[0].startswith(f"{V1}.{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("access_log: true", "access_log", "found true. Write off, stdout, or"),
        ("access_log: 5", "access_log", "If that is meant as text, quote it"),
        ("access_log: stdot", "access_log", "Did you mean 'stdout'?"),
        ("access_log: stderr", "access_log", "A file is written ./stderr."),
        ("access_log: syslog://h", "access_log", "which is a URL"),
        ("access_log: logs/", "access_log", "names no file"),
        ("access_log: ''", "access_log", "names no file"),
        ('access_log: "a.\\0"', "access_log", "names no file"),
        ("access_log: ./state.db", "access_log", "where state is kept"),
        ("telemetry: http://a", "telemetry", "some of: otlp"),
        ("telemetry: {otlp: otel:4318}", "telemetry.otlp", "no http URL"),
        ("telemetry: {otlp: 'http://a?b'}", "telemetry.otlp", "with a query"),
        ("telemetry: {otlp: 5}", "telemetry.otlp", "some of: endpoint, headers"),
        ("telemetry: {otlp: {}}", "telemetry.otlp.endpoint", "missing"),
        ("telemetry: {otlp: {url: x}}", "telemetry.otlp.endpoint", "missing"),
        (
            "telemetry: {otlp: {endpoint: a}}",
            "telemetry.otlp.endpoint",
            "no http URL",
        ),
        (
            "telemetry: {otlp: {endpoint: 'http://a', interval: 0}}",
            "telemetry.otlp.interval",
            "no duration",
        ),
        (
            "telemetry: {otlp: {endpoint: 'http://a', traces: 2}}",
            "telemetry.otlp.traces",
            "from 0 to 1",
        ),
        (
            "telemetry: {otlp: {endpoint: 'http://a', headers: {a: x, A: y}}}",
            "telemetry.otlp.headers.A",
            "again, after a",
        ),
        (
            "telemetry: {otlp: {endpoint: 'http://a', headers: {a: {env: NONE}}}}",
            "telemetry.otlp.headers.a.env",
            "not set",
        ),
    ],
)
def test_where_nothing_can_be_told_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    found = lines(written("top", text))

    assert found[0].startswith(f"{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    "otlp",
    [
        "http://me:hunter2@host/",
        {"endpoint": "http://me:hunter2@host/"},
        {"endpoint": "http://a", "headers": {"Authorization": "hunter2\n"}},
        {"endpoint": "http://a", "headers": {"Authorization": ["hunter2"]}},
        {"endpoint": "http://a", "headers": "hunter2"},
    ],
)
def test_a_credential_for_the_collector_is_not_repeated(
    document: dict[str, Any], lines: Lines, otlp: object
) -> None:
    """Messages end up in logs."""
    document["telemetry"] = {"otlp": otlp}

    assert "hunter2" not in "".join(lines(document))


def test_a_collector_needs_its_packages(
    written: Write, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said when the file is read what to install."""
    monkeypatch.setattr(telemetry, "_PACKAGES", ("no_such.package",))

    (line,) = lines(written("top", "telemetry: {otlp: 'http://c:4318'}"))

    assert line.startswith("telemetry.otlp: found a collector")
    assert "pip install 'sluicegate[otel]'" in line
