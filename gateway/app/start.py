"""What the supervisor hands to the processes it starts, as one command-line argument.

File descriptors are inherited under their own numbers. Every child watches the
lifeline, a pipe whose other end only the supervisor holds: when it closes, the
supervisor is gone and the child stops as if told to.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

BAD_START: Final = 2
"""Exit code of a process that cannot do what it was started for, however often."""


class ControllerStart(msgspec.Struct, kw_only=True, frozen=True):
    """For `python -m gateway.app.controller START`.

    Attributes:
        config_path: The configuration file; None when `document` is given.
        document: A configuration as a plain mapping (`serve --baseline …`).
        admin_fd: Bound, listening TCP socket for the admin API.
        link_fd: Bound, listening Unix socket the workers connect to.
        table_fd: See handoff.last_table.
        lifeline_fd: Read end of the lifeline.
        orders_fd: The line to the supervisor; see orders. Negative: there is none.
        data_addresses: Where the data listeners were bound at first, for people.

    """

    config_path: str | None
    document: dict[str, object] | None
    admin_fd: int
    link_fd: int
    table_fd: int
    lifeline_fd: int
    orders_fd: int = -1
    data_addresses: list[str]


class WorkerStart(msgspec.Struct, kw_only=True, frozen=True):
    """For `python -m gateway.app.worker START`.

    Attributes:
        number: From 0; no other worker that runs has it.
        listening: Number, name and descriptor of each data listener, a bound, listening
            TCP socket that all workers share.
        setup_fd: Where it is told of changes to this; see orders.Setup.
        link_path: Path of the controller's Unix socket.
        table_fd: See handoff.last_table.
        lifeline_fd: Read end of the lifeline.
        workers: How many there are.
        states_fd: See handoff.held_states.
        health_fd: See handoff.endpoint_health.

    """

    number: int = 0
    listening: list[tuple[int, str, int]] = []
    setup_fd: int = -1
    link_path: str
    table_fd: int
    lifeline_fd: int
    states_fd: int
    health_fd: int
    workers: int = 1


def when_lifeline_ends(
    loop: asyncio.AbstractEventLoop, fd: int, act: Callable[[], None]
) -> None:
    """Call *act* once when the supervisor is gone."""

    def ended() -> None:
        loop.remove_reader(fd)
        act()

    loop.add_reader(fd, ended)
