"""HAProxy: hash balance by the user's key, one thread.

`http-no-delay` because without it HAProxy 2.6 holds small events back: 12 events a
read and 40 ms of delay at the median in workload S, for a quarter less CPU.
"""

from collections.abc import Sequence

from loadtest.peers.peer import Peer, Site

_CONFIGURATION = """
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 2s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option http-no-delay
frontend gate
  bind 127.0.0.1:{listen}
  default_backend versions
backend versions
  balance hdr(x-user-id)
  hash-type map-based wt6
  http-reuse always
  server v1 127.0.0.1:{first}
  server v2 127.0.0.1:{second}
"""


def _prepare(site: Site, program: str) -> Sequence[str]:
    path = site.folder / "haproxy.cfg"
    first, second = site.upstreams
    path.write_text(
        _CONFIGURATION.format(listen=site.listen, first=first, second=second)
    )
    return [program, "-db", "-f", str(path)]


HAPROXY = Peer(
    name="haproxy",
    program="haproxy",
    variable="LOADTEST_HAPROXY",
    prepare=_prepare,
)
