"""Reading the configuration where it may hang: a dead file server, a pipe."""

import os
from pathlib import Path
from typing import Final

from gateway.app.start import ControllerStart
from gateway.domain.deployment import Deployment
from gateway.domain.errors import BadConfiguration
from gateway.settings.load import load_document, load_file
from gateway.state.thread import OneThread

_DEADLINE_S: Final = 5.0


async def read_deployment(
    start: ControllerStart, *, deadline_s: float = _DEADLINE_S
) -> Deployment:
    """Read the configuration that *start* names.

    Raises:
        BadConfiguration: It cannot be used, or not be read in time.

    """
    thread = OneThread("configuration")  # its own: one that hangs is left behind
    try:
        return await thread.call(lambda: _load(start), deadline_s=deadline_s)
    except TimeoutError:
        raise BadConfiguration(
            f"{start.config_path} could not be read in {deadline_s:g} s.",
            remedy="Look at the disk or file server it lies on, then reload.",
        ) from None
    finally:
        thread.stop()


def _load(start: ControllerStart) -> Deployment:
    cores = len(os.sched_getaffinity(0))
    if start.config_path is not None:
        path = Path(start.config_path)
        return load_file(path, environment=os.environ, cores=cores)
    return load_document(
        start.document or {},
        source="command line",
        environment=os.environ,
        cores=cores,
    )
