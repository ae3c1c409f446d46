"""nginx beside us: as a proxy before the same endpoint, and as a server behind us."""

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest.processes import find_program, free_ports
from tests.end_to_end.running import tell, until

TABLE_IS_OF = (1, 22)
"""The nginx whose answers stand in the tables; others read some things differently."""

_FRAME = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {inside}
}}
"""

AS_PROXY = """
  upstream behind {{ server 127.0.0.1:{endpoint}; keepalive 8; }}
  map $http_upgrade $onward {{ default upgrade; '' ''; }}
  server {{
    listen 127.0.0.1:{listen} backlog=512;
    large_client_header_buffers 4 64k;
    location / {{
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $onward;
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
"""


def program() -> str:
    """Find nginx; the test is skipped where there is none."""
    found = find_program("nginx", None, "LOADTEST_NGINX")
    if found is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    return found


def version(found: str) -> tuple[int, ...]:
    """Give the version of an nginx."""
    told = subprocess.run([found, "-v"], capture_output=True, text=True, check=True)
    number = re.search(r"nginx/(\d+)\.(\d+)", told.stderr)
    assert number is not None
    return tuple(map(int, number.groups()))


@contextmanager
def nginx(inside: str, folder: Path, **places: object) -> Generator[int]:
    """Run one for the length of the block; give its port.

    Args:
        inside: What stands in its `http`.
        folder: For its files.
        places: What its configuration names.

    """
    [listen] = free_ports(1)
    inside = inside.format(listen=listen, folder=folder, **places)
    path = folder / "nginx.conf"
    path.write_text(_FRAME.format(folder=folder, inside=inside))
    process = subprocess.Popen(
        [
            program(),
            "-p",
            str(folder),
            "-e",
            str(folder / "error.log"),
            "-c",
            str(path),
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        until("nginx listens", lambda: (folder / "nginx.pid").exists())
        assert process.poll() is None, (folder / "error.log").read_text()
        yield listen
    finally:
        process.terminate()
        process.wait(10)
    errors = (folder / "error.log").read_text()
    if errors:
        tell(errors)
