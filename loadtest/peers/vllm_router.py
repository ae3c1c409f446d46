"""vllm-router (Rust): consistent hash over the user's key, which it reads itself."""

from collections.abc import Sequence

from loadtest.peers.peer import Peer, Site
from loadtest.processes import free_ports


def _prepare(site: Site, program: str) -> Sequence[str]:
    urls = [f"http://127.0.0.1:{port}" for port in site.upstreams]
    command = [program, "--host", "127.0.0.1", "--port", str(site.listen)]
    command += ["--policy", "consistent_hash", "--log-level", "error"]
    command += ["--prometheus-host", "127.0.0.1"]
    command += ["--prometheus-port", str(free_ports(1)[0])]
    return [*command, "--worker-urls", *urls]


VLLM_ROUTER = Peer(
    name="vllm-router",
    program="vllm-router",
    variable="LOADTEST_VLLM_ROUTER",
    prepare=_prepare,
    patience_s=60.0,
)
