"""Reads configurations the way the running gateway will."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.domain.deployment import Deployment
from gateway.settings.load import load_document, load_file
from gateway.tls.expiry import demand_valid


def read_file(path: Path) -> Deployment:
    """Read a configuration file.

    Raises:
        BadConfiguration: With everything that is wrong with it, a line each.

    """
    deployment = load_file(path, environment=os.environ, cores=_cores())
    demand_valid(deployment, time.time())  # ruff: ignore[banned-api]: the clock of certificates
    return deployment


def read_document(document: Mapping[str, object]) -> Deployment:
    """Read a configuration that was put together from options.

    Raises:
        BadConfiguration: With everything that is wrong with it, a line each.

    """
    return load_document(
        document, source="command line", environment=os.environ, cores=_cores()
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))
