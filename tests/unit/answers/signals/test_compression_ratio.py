"""Whisper's measure of repetition."""

import zlib

from tests.unit.answers.exchanges import measured, said


def test_it_is_whispers_formula() -> None:
    text = "Größe: " + "the same again, " * 20
    written = text.encode()

    ratio = measured("compression_ratio", said(text))

    assert ratio == len(written) / len(zlib.compress(written))
    assert ratio > 2.4


def test_a_short_text_lies_below_one_and_a_plain_one_below_whispers_threshold() -> None:
    short = measured("compression_ratio", said("Hi."))
    plain = measured("compression_ratio", said(__doc__ + zlib.__doc__[:300]))

    assert short is not None
    assert short < 1
    assert plain is not None
    assert plain < 2.4


def test_a_lone_surrogate_is_text_too() -> None:
    assert measured("compression_ratio", said("\ud800")) is not None


def test_without_a_text_nothing_is_said() -> None:
    assert measured("compression_ratio", said("")) is None
