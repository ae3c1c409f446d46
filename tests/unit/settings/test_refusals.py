"""Keys, names and parts that do not fit each other are refused, all at once."""

from collections.abc import Callable
from typing import Any

import pytest

Write = Callable[[str, str], dict[str, Any]]
Lines = Callable[[dict[str, Any]], list[str]]

CHAT = "services.chat"
V1 = f"{CHAT}.versions.v1"


@pytest.mark.parametrize(
    "field",
    [
        "Connection",
        "content-length",
        "Transfer-Encoding",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "proxy-connection",
    ],
)
def test_headers_of_the_connection_cannot_be_set(
    written: Write, lines: Lines, field: str
) -> None:
    """The gateway frames each message anew; two opinions about it would smuggle."""
    found = lines(written("version", f"set_headers: {{{field}: x}}"))

    assert found[0].startswith(f"{V1}.set_headers.{field}: found the header '{field}'")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[{heder: x}]", "[0]", "unknown source 'heder'. Known: header, cookie, json"),
        ("[clientip]", "[0]", "Did you mean 'client_ip'?"),
        ("[header]", "[0]", "found 'header' without a name"),
        ("[5]", "[0]", "found 5"),
        ("[{}]", "[0]", "found 0 sources"),
        ("[{header: a, json: /b}]", "[0]", "found 2 sources"),
        ("[{client_ip: true}]", "[0]", "`- client_ip` alone"),
        ("[{header: 'a b'}]", "[0].header", "no header name"),
        ("[{header: Connection}]", "[0].header", "ends at each connection"),
        ("[{json: user}]", "[0].json", "no JSON pointer"),
        ("[{json: ''}]", "[0].json", "no JSON pointer"),
        ("[{cookie: a=b}]", "[0].cookie", "no cookie name"),
        ("[{cookie: 5}]", "[0].cookie", "found 5"),
        ("[{cookie: a}, client_ip]", "[0]", "Move it to the end"),
        ("[{header: a}, {header: A}]", "[1]", "found header a again"),
        ("[client_ip, client_ip]", "[1]", "found client_ip again"),
        ("{header: a}", "", "Write a list"),
    ],
)
def test_a_sticky_source_that_cannot_be_used_is_refused(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    """One entry is one source, said once, the cookie last."""
    found = lines(written("service", f"sticky: {text}"))

    assert len(found) == 1
    assert found[0].startswith(f"{CHAT}.sticky{place}: ")
    assert words in found[0]


@pytest.mark.parametrize(
    ("level", "text", "place"),
    [
        ("top", "state: redis://host:6379/0", "state"),
        ("top", "flags: {file: flags.json}", "flags"),
        ("service", "match: {headers: {}}", f"{CHAT}.match.headers"),
        ("service", "match: {models: []}", f"{CHAT}.match.models"),
        ("service", "targeting: {}", f"{CHAT}.targeting"),
        ("service", "rollout: {webhooks: []}", f"{CHAT}.rollout.webhooks"),
        ("service", "rollout: {approvals: {}}", f"{CHAT}.rollout.approvals"),
    ],
)
def test_what_is_planned_is_refused_and_not_ignored(
    written: Write, lines: Lines, level: str, text: str, place: str
) -> None:
    """Whoever writes it believes that it works."""
    (found,) = lines(written(level, text))

    assert found.startswith(f"{place}: ")
    assert "not available yet. " in found


def test_a_weight_for_a_third_version_says_how_several_are_compared(
    document: dict[str, Any], lines: Lines
) -> None:
    """Fixed weights are for one candidate; several have an ab."""
    chat = document["services"]["chat"]
    chat["versions"]["v3"] = {"endpoints": ["http://127.0.0.1:9003"]}
    chat["weights"] = {"v2": 10, "v3": 10}

    (found,) = lines(document)

    assert found.startswith(f"{CHAT}.weights.v3: ")
    assert "Several at the same time: `candidates`" in found


def test_a_weight_among_three_versions_needs_a_candidate(
    document: dict[str, Any], lines: Lines
) -> None:
    """With two versions the other one is meant; with three nobody knows."""
    chat = document["services"]["chat"]
    chat["versions"]["v3"] = {"endpoints": ["http://127.0.0.1:9003"]}
    del chat["candidate"]
    chat["weights"] = {"v3": 10}

    assert lines(document) == [
        f"{CHAT}.weights.v3: found a weight for 'v3', and no candidate. "
        "Write `candidate: v3`."
    ]


def test_all_problems_are_told_at_once(document: dict[str, Any], lines: Lines) -> None:
    """Nobody likes to correct a file ten times."""
    document["listn"] = document.pop("listen")
    document["drain"] = "soon"
    document["services"]["chat"]["weights"] = {"v9": 1}
    document["services"]["other"] = {"versions": {"v1": {}}, "expose": "no"}

    places = [line.partition(": ")[0] for line in lines(document)]

    assert places == [
        "listen",
        "drain",
        "services.chat.weights.v9",
        "services.other.versions.v1.endpoints",
        "services.other.expose",
        "unknown key 'listn'. Known",
    ]


def test_an_unknown_key_names_the_nearest_and_all_known(
    written: Write, lines: Lines
) -> None:
    """The commonest mistake is a typo."""
    assert lines(written("version", "endpoint: [http://a]")) == [
        f"{V1}: unknown key 'endpoint'. Known: endpoints, host, path_rewrite, "
        "set_headers, set_json, timeouts, deadlines, tls, limits, health, "
        "outlier_detection, slow_start, resolve, price. Did you mean 'endpoints'?"
    ]


def test_a_missing_key_comes_with_an_example(
    document: dict[str, Any], lines: Lines
) -> None:
    """What to write is said, and not only that something is missing."""
    del document["listen"]

    assert lines(document) == [
        "listen: missing. Add it, such as `listen: 127.0.0.1:8080`."
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {}),
        ({}, {"hosts": ["a.example"], "paths": ["/v1"]}),
        ({"paths": ["/"]}, {}),
        ({"paths": ["/v1"]}, {"paths": ["/v1/", "/v1/chat"]}),
        ({"hosts": ["*.a.example"]}, {"hosts": ["*.b.a.example", "c.a.example"]}),
    ],
)
def test_a_service_out_of_reach_is_refused(
    document: dict[str, Any], lines: Lines, earlier: object, later: object
) -> None:
    """It would look configured, and never see a request."""
    services = document["services"]
    services["chat"]["match"] = earlier
    services["late"] = services["chat"] | {"match": later}

    assert lines(document) == [
        "services.late: no request can reach it: 'chat' above it takes every one that "
        "fits here. Put it above 'chat', or give that one a narrower match."
    ]
