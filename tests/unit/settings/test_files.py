"""Files that are no configuration, and YAML that means something else than it seems."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.deployment import Deployment
from gateway.domain.failover import Why
from gateway.settings.load import LARGEST_FILE, load_file
from gateway.settings.problem import RejectedDocument

Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]
WriteFile = Callable[[str | bytes], Path]

PLACES = 'listen: 127.0.0.1:8080\nadmin: {listen: "127.0.0.1:8081"}\n'


def _refusal(path: Path) -> str:
    with pytest.raises(RejectedDocument) as caught:
        load_file(path, environment={}, cores=1)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).replace(f"{path}: ", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty. Start from"),
        ("# nothing\n", "the file is empty"),
        ("[1, 2]", "found a list at the top"),
        ("just text", "found 'just text' at the top"),
        ("a: [1", "line 1, column 6: this is not YAML: expected ',' or ']'"),
        ("a: b\n  c: d", "line 2, column 4: this is not YAML: mapping values"),
        ("state: memory:", "line 1, column 14: this is not YAML"),
        ("a:\n\tb: 1", "line 2, column 1: this is not YAML"),
        ("listen: [::1]:8080", "this is not YAML"),
        ("a: *b", "line 1, column 4: this is not YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", "this is not YAML: but found another document"),
        ("a: 1\nb: \x07", "line 2, column 4: found the control character U+0007"),
        (b"a: \xff\xfe", "found the byte 0xff in line 1, which is not UTF-8"),
        (b"\xff\xfea\x00", "found the byte 0xff in line 1, which is not UTF-8"),
        (
            "a: 1\nb: 2\na: 3",
            "line 3, column 1: the key 'a' is there twice, first in l",
        ),
        ("a: {b: 1, b: 2}", "line 1, column 11: the key 'b' is there twice"),
        ("a: &x [*x]", "line 1, column 4: found an alias of what it stands in"),
        ("5: a", "line 1, column 1: found the key '5', which YAML does not read as"),
        ("true: a", "found the key 'true'"),
        ("~: a", "found the key '~'"),
        ("[a]: b", "found a key that is a list or a mapping. Put keys in quotes"),
        ("{a: b}: c", "found a key that is a list or a mapping"),
        ("a: !!python/object:os.system x", "line 1, column 4: found the tag"),
        ("a: !!binary x", "Leave tags out"),
        ("a: !thing x", "found the tag '!thing'"),
        ("a: 0b_", "a number that cannot be read"),
        ("a: " + "9" * 5000, "a number that cannot be read"),
        ("a: 99999999999999999999999", "a: found a value of type int"),
        ("a: .nan", "a: found nan"),
        ("<<: [1]", "'<<' with something that is no mapping"),
        ("a: " + "[" * 5000, "nested more than 64 levels deep"),
        ("a: " + "{a: " * 5000, "nested more than 64 levels deep"),
        ("- " * 5000, "nested more than 64 levels deep"),
        ("a: " + "[" * 40 + "]" * 40, "nested more than 32 levels deep"),
        ("a: '\\", "this is not YAML"),
        ('a: "\\ud800"', "a: found '\\ud800'"),
        ("%YAML 9.9\n---\na: 1", "this is not YAML"),
    ],
)
def test_text_that_is_no_configuration_is_refused(
    file: WriteFile, content: str | bytes, words: str
) -> None:
    """With line and column wherever there are any."""
    assert words in _refusal(file(content))


def test_aliases_that_multiply_are_bounded(file: WriteFile) -> None:
    """Nine lines of YAML can name a billion values."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )

    assert "found more than 50000 values" in _refusal(file(bomb))


def test_merge_keys_that_multiply_are_bounded(file: WriteFile) -> None:
    """The same with <<, which copies keys and no lists."""
    bomb = "a0: &a0 {x: 1, y: 2}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 50)}]}}\n"
        for n in range(1, 30)
    )

    assert "unknown key 'a0'" in _refusal(file(bomb))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The commonest mistake of all."""
    assert "there is no such file" in _refusal(tmp_path / "gateway.yaml")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """Told apart from a missing one."""
    assert _refusal(tmp_path) == "this is a directory. Name the file in it."


def test_a_file_that_cannot_be_opened_says_why(file: WriteFile) -> None:
    """As the system gives the reason."""
    below = file("a: 1") / "gateway.yaml"

    assert "cannot be read (Not a directory)" in _refusal(below)


def test_a_path_that_is_none_is_refused() -> None:
    """The system would not even look."""
    assert "cannot be read (not a path)" in _refusal(Path("a\0b"))


def test_a_huge_file_is_not_read(file: WriteFile) -> None:
    """Somebody named a log, or a disk."""
    assert "more than 1048576 bytes" in _refusal(file(b" " * (LARGEST_FILE + 1)))


def test_a_byte_order_mark_does_no_harm(file: WriteFile) -> None:
    """Some editors write one."""
    text = (
        f"\ufeff{PLACES}services: {{a: {{versions: {{v: {{endpoints: [http://a]}}}}}}}}"
    )

    assert load_file(file(text), environment={}, cores=1).services[0].name == "a"


def test_a_date_is_the_name_of_a_model(file: WriteFile) -> None:
    """YAML 1.1 would make it a date."""
    text = PLACES + (
        "services:\n  chat:\n    versions:\n"
        "      2024-08-06: {endpoints: [http://a], set_json: {/model: 2024-08-06}}\n"
    )

    (version,) = load_file(file(text), environment={}, cores=1).services[0].versions

    assert version.name == "2024-08-06"
    assert version.set_json == (("/model", '"2024-08-06"'),)


def test_on_is_a_word_where_it_is_a_key(file: WriteFile) -> None:
    """YAML 1.1 would make `on:` a true, and the message about it a riddle."""
    text = PLACES + (
        "services: {chat: {versions: {v: {endpoints: [http://a]}}, "
        "failover: {on: [connect]}}}\n"
    )

    (service,) = load_file(file(text), environment={}, cores=1).services
    assert service.failover.on == (Why.CONNECT,)


def test_aliases_and_merge_keys_save_writing(file: WriteFile) -> None:
    """What is written beside << wins over what is merged."""
    text = (
        PLACES
        + """
services:
  chat:
    baseline: one
    versions:
      one: &one
        endpoints: &urls [http://a]
        timeouts: &timeouts {connect: 1s, idle: 9s}
      two:
        <<: *one
        timeouts: {<<: [*timeouts, {first_byte: 5s}], idle: 3s}
"""
    )
    one, two = load_file(file(text), environment={}, cores=1).services[0].versions

    assert two.endpoints == one.endpoints
    assert (two.timeouts.connect, two.timeouts.first_byte) == (1.0, 5.0)
    assert (one.timeouts.idle, two.timeouts.idle) == (9.0, 3.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "found a value of type set"),
        (b"x", "found a value of type bytes"),
        (float("inf"), "found inf"),
        ("\ud800", "found '\\ud800'"),
        (2**64, "found a value of type int"),
        ({5: 1}, "found the key 5. Put keys in quotes"),
        ({True: 1}, "found the key true"),
        ({2**9999: 1}, "found the key a value of type int"),
    ],
)
def test_a_parsed_document_holds_what_json_could_say(
    document: dict[str, Any], lines: Lines, value: object, words: str
) -> None:
    """Whatever another parser made of the file."""
    document["services"]["chat"]["versions"]["v1"]["set_json"] = {"/a": [value]}

    assert any(words in line for line in lines(document))


def test_a_document_that_contains_itself_is_refused(
    document: dict[str, Any], lines: Lines
) -> None:
    """It would never end."""
    document["services"]["chat"]["match"] = document

    assert any("nested more than 32 levels" in line for line in lines(document))


def test_a_parsed_document_is_not_changed(document: dict[str, Any], load: Load) -> None:
    """The caller may load it again."""
    before = repr(document)

    load(document)

    assert repr(document) == before
