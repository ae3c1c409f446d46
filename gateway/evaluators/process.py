"""The process in which a function of somebody else's judges: `python -m` this, and ENTRY.

Started by local_process.py. A line of JSON comes in for each call, `[number, argument]`,
and one goes out, `[number, result]` or `[number, null, error]`; before them `[0]`, when
ENTRY could be loaded, or `[0, null, error]`. What the function prints goes to stderr.

Errors are told by their type and place, never by their text: it may quote a prompt.
"""

import importlib
import json
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from traceback import extract_tb
from typing import IO, Final

READY: Final = 0
"""The number of the line that says whether ENTRY could be loaded."""


def main() -> None:
    """Serve calls of the function named by the first argument.

    The second one is the most memory it may take, in bytes.
    """
    entry, most_bytes = sys.argv[1], int(sys.argv[2])
    _limit(most_bytes)
    calls, answers = _private_pipes()
    try:
        function = load(entry)
    except BaseException as error:  # ruff: ignore[blind-except]: told to the parent, whatever it is
        _say(answers, [READY, None, told(error)])
        return
    _say(answers, [READY])
    for line in _lines(calls):
        number, argument = json.loads(line)
        _say(answers, _called(function, number, argument))


def load(entry: str) -> Callable[[object], object]:
    """Import `package.module:function`.

    Raises:
        Exception: Whatever importing raises; AttributeError: there is no such function.

    """
    module, _, name = entry.partition(":")
    function: Callable[[object], object] = getattr(
        importlib.import_module(module), name
    )
    return function


def told(error: BaseException) -> str:
    """Tell an error by its type and the last place it came through, without its text."""
    frames = extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    where = "" if last is None else f" at {Path(last.filename).name}:{last.lineno}"
    missing = f" {error.name}" if isinstance(error, ModuleNotFoundError) else ""
    return f"{type(error).__name__}{missing}{where}"


def _called(
    function: Callable[[object], object], number: int, argument: object
) -> list[object]:
    try:
        return [number, json.loads(json.dumps(function(argument), allow_nan=False))]
    except MemoryError:
        raise
    except Exception as error:  # ruff: ignore[blind-except]: the user's code may raise anything
        return [number, None, told(error)]


def _limit(most_bytes: int) -> None:
    """Bound the memory, and leave no core file: it would have texts in it.

    RLIMIT_DATA counts what is allocated; the address space (RLIMIT_AS) that libraries
    such as torch reserve says little of what they use.
    """
    for limit, value in ((resource.RLIMIT_DATA, most_bytes), (resource.RLIMIT_CORE, 0)):
        _soft, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(OSError, ValueError):  # a system that has no such limit
            resource.setrlimit(limit, (allowed, allowed))


def _private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take stdin and stdout away from the function: it gets nothing, and stderr."""
    calls, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return os.fdopen(calls, "rb"), os.fdopen(answers, "wb")


def _lines(calls: IO[bytes]) -> Iterator[bytes]:
    """Give calls as they come; end the process when nobody is left to ask, at once."""
    waiting: SimpleQueue[bytes] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(calls, waiting), daemon=True)
    reader.start()
    while True:
        yield waiting.get()


def _read(calls: IO[bytes], waiting: "SimpleQueue[bytes]") -> None:
    for line in calls:
        waiting.put(line)
    os._exit(0)


def _say(answers: IO[bytes], line: list[object]) -> None:
    answers.write(json.dumps(line).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
