"""Memory that the supervisor makes and its children map: it ends with the gateway."""

import os
import tempfile


def make_shared(name: str, size: int) -> int:
    """Make memory, empty; give the open file that stands for it.

    Args:
        name: For people who look at what a process has open.
        size: Bytes.

    Raises:
        OSError: There is none to be had.

    """
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create(name)
    else:  # macOS
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
