"""nginx: `split_clients` by the user's key, one worker, keep-alive to both versions.

Unbuffered, so that events pass at once. That costs it nothing in the workload of
short answers.
"""

from collections.abc import Sequence

from loadtest.peers.peer import Peer, Site

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 30000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_max_body_size 0;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  split_clients "$http_x_user_id" $version {{ 50% v1; * v2; }}
  upstream v1 {{
    server 127.0.0.1:{first}; keepalive 128; keepalive_requests 1000000000;
  }}
  upstream v2 {{
    server 127.0.0.1:{second}; keepalive 128; keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{listen} backlog=4096;
    location / {{
      proxy_pass http://$version;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def _prepare(site: Site, program: str) -> Sequence[str]:
    path = site.folder / "nginx.conf"
    path.write_text(
        _CONFIGURATION.format(
            folder=site.folder,
            listen=site.listen,
            first=site.upstreams[0],
            second=site.upstreams[1],
        )
    )
    return [program, "-p", str(site.folder), "-e", "stderr", "-c", str(path)]


NGINX = Peer(
    name="nginx",
    program="nginx",
    variable="LOADTEST_NGINX",
    prepare=_prepare,
    worker_mark="worker process",
)
