"""Writes the nginx configuration of workload J's upstream: one fixed JSON answer.

Two ports stand for two versions. Also a command, to look at the file:
`python -m loadtest.upstreams.nginx_upstream --ports 9001 9002 --body-bytes 350`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

_FILLER = "The gate opens a little, the water is measured. "


def fixed_answer(body_bytes: int, name: str) -> str:
    """Make a chat completion of exactly `body_bytes` bytes of JSON."""
    bare = _answer("", name)
    missing = body_bytes - len(bare)
    if missing < 0:
        message = f"{body_bytes} bytes are too few. The empty answer has {len(bare)}."
        raise ValueError(message)
    return _answer((_FILLER * (missing // len(_FILLER) + 1))[:missing], name)


def _answer(text: str, name: str) -> str:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160}
    answer = {
        "id": "chatcmpl-fixed",
        "object": "chat.completion",
        "created": 1760000000,
        "model": name,
        "choices": [choice],
        "usage": usage,
    }
    return json.dumps(answer, separators=(",", ":"))


def _server(port: int, name: str, body_bytes: int) -> str:
    body = fixed_answer(body_bytes, name)
    return f"""
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    default_type application/json;
    add_header x-served-by {name};
    location / {{ return 200 '{body}'; }}
  }}"""


def configuration(ports: Sequence[int], body_bytes: int, folder: Path) -> str:
    """Write the file for `ports`, named v1, v2 ...; its temporary files in `folder`."""
    servers = "".join(
        _server(port, f"v{number}", body_bytes)
        for number, port in enumerate(ports, start=1)
    )
    return f"""# The upstream of workload J: {body_bytes} bytes of fixed JSON.
daemon off;
worker_processes 1;
pid {folder}/upstream.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_body_temp_path {folder}/upstream_bodies;
{servers}
}}
"""


def main() -> None:
    """Print the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ports", type=int, nargs="+", default=[9001, 9002])
    parser.add_argument("--body-bytes", type=int, default=350)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    asked = parser.parse_args()
    print(configuration(asked.ports, asked.body_bytes, asked.folder))


if __name__ == "__main__":
    main()
