"""Characters, kept or not."""

from tests.unit.answers.exchanges import measured, said


def test_all_characters_are_counted() -> None:
    assert measured("output_length", said("Größe")) == 5
    assert measured("output_length", said("x" * 100_000)) == 100_000
    assert measured("output_length", said("")) == 0
