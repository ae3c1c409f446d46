"""What is right becomes exactly the domain's values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.deployment import (
    Address,
    ClientLimits,
    Deployment,
    StateAddress,
    StateKind,
)
from gateway.domain.failover import Budget, Failover, Guard, Why
from gateway.domain.service import (
    Endpoint,
    HostRule,
    Match,
    Override,
    PathRewrite,
    PoolLimits,
    Service,
    StickyKind,
    StickySource,
    Timeouts,
    Version,
)
from gateway.domain.units import Bytes, Seconds, Share
from gateway.settings.load import load_file

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
WriteFile = Callable[[str | bytes], Path]

BARE = "services: {chat: {versions: {v1: {endpoints: [http://a:1]}}}}\n"
PLACES = 'listen: 127.0.0.1:8080\nadmin: {listen: "127.0.0.1:8081"}\n'


def _version(name: str, port: int) -> Version:
    url = f"http://127.0.0.1:{port}"
    return Version(
        name=name, endpoints=(Endpoint(url=url, host="127.0.0.1", port=port),)
    )


def test_the_smallest_document_is_all_defaults(
    document: dict[str, Any], load: Load
) -> None:
    """Whatever is not written is what the domain says."""
    deployment = load(document)

    assert deployment.listen == (Address(host="127.0.0.1", port=8080),)
    assert deployment.limits == ClientLimits()
    assert deployment.state == StateAddress(kind=StateKind.SQLITE, path="state.db")
    assert deployment.services == (
        Service(
            name="chat",
            versions=(_version("v1", 9001), _version("v2", 9002)),
            baseline="v1",
            candidate="v2",
        ),
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("1.5s", 1.5),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86_400.0),
        ("1h30m", 5400.0),
        ("1m500ms", 60.5),
        ("12", 12.0),
        ("0.5", 0.5),
    ],
)
def test_durations_are_seconds(
    written: Write, load: Load, text: str, seconds: float
) -> None:
    """With a unit, or a plain number of seconds."""
    assert load(written("top", f"drain: {text}")).drain == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("512B", 512),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("1.5KiB", 1536),
        ("2GiB", 2_147_483_648),
        ("1MB", 1_000_000),
        ("1 KB", 1000),
    ],
)
def test_sizes_are_bytes(written: Write, load: Load, text: str, size: int) -> None:
    """KiB and KB are not the same."""
    assert load(written("top", f"limits: {{body: {text}}}")).limits.body == size


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:8080", "localhost", 8080),
        ("LOCALHOST:0", "localhost", 0),
        ("'[::1]:8080'", "::1", 8080),
        ("'[0:0:0:0:0:0:0:1]:8080'", "::1", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("my_host.internal:80", "my_host.internal", 80),
    ],
)
def test_an_address_has_a_host_and_a_port(
    written: Write, load: Load, text: str, host: str, port: int
) -> None:
    """Brackets are for people."""
    deployment = load(written("top", f"listen: {text}"))

    assert deployment.listen == (Address(host=host, port=port),)


def test_there_may_be_several_listeners(written: Write, load: Load) -> None:
    """As texts or as mappings; both families of one port are no conflict."""
    text = "listen: ['0.0.0.0:80', {address: '[::]:80'}, 'localhost:0', 'localhost:0']"

    assert [str(address) for address in load(written("top", text)).listen] == [
        "0.0.0.0:80",
        "[::]:80",
        "localhost:0",
        "localhost:0",
    ]


@pytest.mark.parametrize(("text", "workers"), [("3", 3), ("auto", 4)])
def test_workers_may_follow_the_cores(
    written: Write, load: Load, text: str, workers: int
) -> None:
    """The machine of these tests has four."""
    assert load(written("top", f"workers: {text}")).workers == workers


@pytest.mark.parametrize("text", ["'memory:'", "memory"])
def test_state_may_be_forgotten(written: Write, load: Load, text: str) -> None:
    """The colon needs quotes in YAML, so it may be left out."""
    assert load(written("top", f"state: {text}")).state == StateAddress(
        kind=StateKind.MEMORY
    )


def test_networks_are_normalised(written: Write, load: Load) -> None:
    """An address is a network of one; host bits are nobody's."""
    text = "trusted_proxies: [10.1.2.3/8, 192.168.0.1, '::1', 10.0.0.0/8]"

    assert load(written("top", text)).trusted_proxies == (
        "10.0.0.0/8",
        "192.168.0.1/32",
        "::1/128",
    )


@pytest.mark.parametrize("off", [False, "off"])
def test_off_is_off_however_the_parser_reads_it(
    document: dict[str, Any], load: Load, off: object
) -> None:
    """YAML 1.1 makes it a boolean, YAML 1.2 a text."""
    document["access_log"] = off
    document["services"]["chat"]["override"] = off

    assert load(document).services[0].override is None


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://a", Endpoint(url="http://a", host="a", port=80)),
        ("https://a", Endpoint(url="https://a", host="a", port=443, tls=True)),
        ("HTTP://A:81/", Endpoint(url="HTTP://A:81/", host="a", port=81)),
        ("http://[::1]", Endpoint(url="http://[::1]", host="::1", port=80)),
        (
            "https://a/v1/@x/",
            Endpoint(
                url="https://a/v1/@x/", host="a", port=443, tls=True, base_path="/v1/@x"
            ),
        ),
    ],
)
def test_an_endpoint_is_a_url(
    document: dict[str, Any], load: Load, url: str, endpoint: Endpoint
) -> None:
    """Kept as written for people, taken apart for the rest."""
    document["services"]["chat"]["versions"]["v1"]["endpoints"] = [url]

    assert load(document).services[0].versions[0].endpoints == (endpoint,)


def test_everything_about_a_version_arrives(written: Write, load: Load) -> None:
    """Headers keep their case; JSON keeps its type."""
    text = """
      host: rewrite
      path_rewrite: {from: /a/, to: /b/}
      set_headers: {Authorization: {env: KEY}, X-Plain: "a b", x-empty: ""}
      set_json: {/model: ü, /options/seed: 7, /a~1b: {c: [null, true, 0.5]}}
      timeouts: {connect: 1s, first_byte: 2, idle: 3s, pool_idle: 500ms}
      limits: {connections: 1, pending: 0}
    """

    version = load(written("version", text)).services[0].versions[0]

    assert version == Version(
        name="v1",
        endpoints=version.endpoints,
        host=HostRule.REWRITE,
        path_rewrite=PathRewrite(old="/a/", new="/b/"),
        set_headers=(
            ("Authorization", "a-secret-of-the-environment"),
            ("X-Plain", "a b"),
            ("x-empty", ""),
        ),
        set_json=(
            ("/model", '"ü"'),
            ("/options/seed", "7"),
            ("/a~1b", '{"c":[null,true,0.5]}'),
        ),
        timeouts=Timeouts(
            connect=Seconds(1.0),
            first_byte=Seconds(2.0),
            idle=Seconds(3.0),
            pool_idle=Seconds(0.5),
        ),
        limits=PoolLimits(connections=1, pending=0),
    )


def test_everything_about_a_service_arrives(written: Write, load: Load) -> None:
    """Names that have no case are lowered."""
    text = """
      match:
        hosts: [API.example.com., "*.Example.com", "::1", "[::2]", api.example.com]
        paths: [/v1/]
      unsplit: []
      sticky: [{header: X-User}, {json: /user}, client_ip, {cookie: Key}]
      json_limit: 1KiB
      expose: false
      override: {header: X-Version, from: [10.0.0.1]}
      failover:
        {'on': [timeout, 5xx, 502, 5xx, error_event], hold: 2KiB, repeat: false,
         budget: {ratio: 0.5, min_per_second: 3}}
      guard: {failures: 7, keys: 2, within: 30s}
      weights: {v2: 12.345}
    """

    service = load(written("service", text)).services[0]

    assert service == Service(
        name="chat",
        versions=service.versions,
        baseline="v1",
        candidate="v2",
        configured_share=Share(12_345),
        match=Match(
            hosts=("api.example.com", "*.example.com", "[::1]", "[::2]"),
            paths=("/v1/",),
        ),
        unsplit=(),
        sticky=(
            StickySource(kind=StickyKind.HEADER, name="x-user"),
            StickySource(kind=StickyKind.JSON, name="/user"),
            StickySource(kind=StickyKind.CLIENT_IP),
            StickySource(kind=StickyKind.COOKIE, name="Key"),
        ),
        json_limit=Bytes(1024),
        expose=False,
        override=Override(header="x-version", senders=("10.0.0.1/32",)),
        repeat=False,
        failover=Failover(
            on=(Why.TIMEOUT, Why.SERVER_ERROR, Why.BAD_GATEWAY, Why.ERROR_EVENT),
            hold=Bytes(2048),
            budget=Budget(ratio=0.5, min_per_second=3.0),
        ),
        guard=Guard(failures=7, keys=2, within=Seconds(30.0)),
    )


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("{v2: 0}", 0),
        ("{v2: 100}", 100_000),
        ("{v2: 0.001}", 1),
        ("{v1: 90, v2: 10}", 10_000),
        ("{v1: 100}", 0),
        ("{v1: 100, v2: 0}", 0),
        ("{}", 0),
    ],
)
def test_the_baseline_gets_the_rest(
    written: Write, load: Load, text: str, share: int
) -> None:
    """It may be written out, if all sums to 100."""
    service = load(written("service", f"weights: {text}")).services[0]

    assert service.configured_share == share


def test_of_two_versions_the_other_one_is_the_candidate(
    document: dict[str, Any], load: Load
) -> None:
    """There is no choice to make."""
    del document["services"]["chat"]["candidate"]
    document["services"]["chat"]["baseline"] = "v2"

    assert load(document).services[0].candidate == "v1"


def test_a_single_version_is_the_baseline(document: dict[str, Any], load: Load) -> None:
    """And there is no candidate."""
    chat = document["services"]["chat"]
    chat.pop("baseline"), chat.pop("candidate"), chat["versions"].pop("v2")

    service = load(document).services[0]

    assert (service.baseline, service.candidate) == ("v1", None)


def test_three_versions_without_weights_need_no_candidate(
    document: dict[str, Any], load: Load
) -> None:
    """Two of them wait."""
    chat = document["services"]["chat"]
    chat["versions"]["v3"] = {"endpoints": ["http://127.0.0.1:9003"]}
    del chat["candidate"]

    assert load(document).services[0].candidate is None


def test_a_narrower_service_may_stand_above_a_wider_one(
    document: dict[str, Any], load: Load
) -> None:
    """The first that fits takes the request, so both are reached."""
    chat = document["services"].pop("chat")
    document["services"]["narrow"] = chat | {"match": {"paths": ["/v1/chat"]}}
    document["services"]["hosted"] = chat | {"match": {"hosts": ["a.example"]}}
    document["services"]["lower"] = chat | {"match": {"paths": ["/v1/"]}}
    document["services"]["upper"] = chat | {"match": {"paths": ["/v1"]}}
    document["services"]["rest"] = chat

    assert [service.name for service in load(document).services] == [
        "narrow",
        "hosted",
        "lower",
        "upper",
        "rest",
    ]


def test_an_endpoint_may_have_the_gateways_port_elsewhere(
    written: Write, load: Load
) -> None:
    """Only a connection that certainly comes back is a circle."""
    text = "endpoints: ['http://model:8080', 'http://10.0.0.1:8081', 'http://127.0.0.2:8080']"

    assert len(load(written("version", text)).services[0].versions[0].endpoints) == 3


def test_relative_paths_begin_at_the_files_folder(file: WriteFile) -> None:
    """A configuration works from wherever the command is called."""
    path = file(PLACES + BARE)

    deployment = load_file(path, environment={}, cores=1)

    assert deployment.state.path == str(path.parent / "state.db")


def test_an_absolute_path_stays(file: WriteFile) -> None:
    """As it was meant."""
    path = file(f"{PLACES}{BARE}state: sqlite:/var/lib/x.db\n")

    assert load_file(path, environment={}, cores=1).state.path == "/var/lib/x.db"
