"""The last table is read back whole, or not at all."""

import os
import tempfile

from gateway.handoff.last_table import read_last_table, write_last_table
from gateway.handoff.routing_table import RoutingTable

SHORT = RoutingTable(epoch=1, services=())
LONG = RoutingTable(
    epoch=2, services=(), trusted_proxies=tuple("10.0.0.0/8" for _ in range(99))
)


def test_what_was_written_is_read_back_also_when_it_shrinks() -> None:
    with tempfile.TemporaryFile() as file:
        for table in (SHORT, LONG, SHORT):
            write_last_table(file.fileno(), table)
            assert read_last_table(file.fileno()) == table


def test_an_empty_file_has_no_table() -> None:
    with tempfile.TemporaryFile() as file:
        assert read_last_table(file.fileno()) is None


def test_a_half_written_table_is_none() -> None:
    with tempfile.TemporaryFile() as file:
        write_last_table(file.fileno(), LONG)
        os.pwrite(file.fileno(), b"\0" * 40, 100)
        assert read_last_table(file.fileno()) is None
        os.ftruncate(file.fileno(), 50)
        assert read_last_table(file.fileno()) is None
