"""Which service takes a request: by host and path prefix, the first that fits."""

from collections.abc import Sequence

from gateway.domain.service import Match


def fits_host(host: str, patterns: Sequence[str]) -> bool:
    """Whether *host* (lower case, no port) is one of *patterns*; none fits all.

    "*.example.com" fits every name below example.com, and not example.com itself.
    """
    return not patterns or any(
        host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
        for pattern in patterns
    )


def fits_path(path: str, prefixes: Sequence[str]) -> bool:
    """Whether *path* lies at or below one of *prefixes*; "/v1" does not fit "/v10"."""
    return any(
        path.startswith(prefix)
        and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"})
        for prefix in prefixes
    )


def fits(match: Match, host: str, path: str) -> bool:
    """Whether a service with this *match* takes the request."""
    if not fits_host(host, match.hosts):
        return False
    return not match.paths or fits_path(path, match.paths)


def bare_host(authority: str) -> str:
    """Take the port off an authority and lower its case: "[::1]:80" gives "[::1]"."""
    name, colon, port = authority.rpartition(":")
    if colon and (not port or port.isdecimal()) and not name.endswith(":"):
        authority = name
    return authority.lower().rstrip(".")
