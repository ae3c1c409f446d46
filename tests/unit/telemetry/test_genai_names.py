"""The names others read keep up with the dialects."""

from gateway.answers.dialects import DIALECTS
from gateway.telemetry.genai_names import OPERATIONS


def test_every_dialect_that_is_read_has_an_operation_and_a_provider() -> None:
    assert set(OPERATIONS) == set(DIALECTS) - {"plain"}
