"""What nobody expected is logged, and the control plane goes on."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def unharmed(what: str) -> Generator[None]:
    """Log whatever the block raises, with its traceback, and go on behind it.

    For what a controller does on its own: no fault in it is worth a restart.

    Args:
        what: What was being done, for the log.

    """
    try:
        yield
    except Exception:  # ruff: ignore[blind-except]: whatever it is, it is a bug of ours
        _log.exception("%s failed; the controller goes on. Report it.", what)
