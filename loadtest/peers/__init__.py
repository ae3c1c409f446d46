"""The registry of peers, in the order in which a round runs them."""

from collections.abc import Mapping

from loadtest.peers.aiohttp_peer import AIOHTTP
from loadtest.peers.envoy import ENVOY
from loadtest.peers.haproxy import HAPROXY
from loadtest.peers.nginx import NGINX
from loadtest.peers.peer import Peer
from loadtest.peers.sluicegate import (
    SLUICEGATE,
    SLUICEGATE_COMPILED,
    SLUICEGATE_KEYLESS,
    SLUICEGATE_SAMPLED,
    SLUICEGATE_UNREAD,
)
from loadtest.peers.vllm_router import VLLM_ROUTER

PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        NGINX,
        HAPROXY,
        SLUICEGATE,
        SLUICEGATE_UNREAD,
        SLUICEGATE_COMPILED,
        ENVOY,
        VLLM_ROUTER,
        AIOHTTP,
        SLUICEGATE_KEYLESS,
        SLUICEGATE_SAMPLED,
    )
}

BY_NAME_ONLY = frozenset({SLUICEGATE_KEYLESS.name, SLUICEGATE_SAMPLED.name})
"""Those that `all` leaves out: they answer one question, beside each other."""
