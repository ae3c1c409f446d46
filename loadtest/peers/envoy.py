"""Envoy: weighted clusters chosen by the hash of the user's key, one worker thread."""

import json
from collections.abc import Sequence

from loadtest.peers.peer import Peer, Site

_TYPES = "type.googleapis.com/envoy.extensions"
_ROUTER = f"{_TYPES}.filters.http.router.v3.Router"
_MANAGER = f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _route() -> dict[str, object]:
    clusters = [{"name": name, "weight": 50} for name in ("v1", "v2")]
    return {
        "match": {"prefix": "/"},
        "route": {
            "weighted_clusters": {"clusters": clusters, "use_hash_policy": True},
            "hash_policy": [{"header": {"header_name": "x-user-id"}}],
            "timeout": "0s",
        },
    }


def _listener(port: int) -> dict[str, object]:
    hosts = [{"name": "all", "domains": ["*"], "routes": [_route()]}]
    manager = {
        "@type": _MANAGER,
        "stat_prefix": "gate",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _ROUTER},
            }
        ],
    }
    network = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    return {
        "name": "gate",
        "address": _address(port),
        "filter_chains": [{"filters": [network]}],
    }


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }


def _prepare(site: Site, program: str) -> Sequence[str]:
    first, second = site.upstreams
    clusters = [_cluster("v1", first), _cluster("v2", second)]
    resources = {"listeners": [_listener(site.listen)], "clusters": clusters}
    path = site.folder / "envoy.json"
    path.write_text(json.dumps({"static_resources": resources}))
    quiet = ["--log-level", "error", "--disable-hot-restart"]
    return [program, "-c", str(path), "--concurrency", "1", *quiet]


ENVOY = Peer(
    name="envoy",
    program="envoy",
    variable="LOADTEST_ENVOY",
    prepare=_prepare,
)
