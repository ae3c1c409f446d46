"""Prints the figures that simulations found, for the closing note."""

import pytest

from tests.calibration.figures import FOUND


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FOUND:
        terminalreporter.section("what the simulations found")
        for line in FOUND:
            terminalreporter.write_line(line)
