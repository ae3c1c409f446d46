"""A timer of the kernel's own precision: asyncio's wake up to a millisecond late.

A proxy adds tens of microseconds; a generator that is late by a millisecond cannot
see them. timerfd (Linux, timerfd_create(2)) is read through ctypes, as Python has it
from 3.13 on only.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable

_TFD_ABSOLUTE = 1
_NS_PER_S = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class PreciseTimer:
    """Calls back at an absolute time of the monotonic clock, once per `arm`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
    ) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._loop = loop
        self._callback = callback
        flags = os.O_NONBLOCK | os.O_CLOEXEC  # the same bits as TFD_*
        self._file = self._libc.timerfd_create(time.CLOCK_MONOTONIC, flags)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        loop.add_reader(self._file, self._fired)

    def arm(self, due_ns: int) -> None:
        """Call back at `due_ns`; at once when that is past."""
        seconds, nanoseconds = divmod(max(1, due_ns), _NS_PER_S)
        setting = _Setting(_Timespec(0, 0), _Timespec(seconds, nanoseconds))
        self._libc.timerfd_settime(
            self._file, _TFD_ABSOLUTE, ctypes.byref(setting), None
        )

    def close(self) -> None:
        """Give the file back."""
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _fired(self) -> None:
        os.read(self._file, 8)
        self._callback()
