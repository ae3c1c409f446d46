"""Where requests name what a server keeps, and answers give its id."""

import pytest

from gateway.answers.held_state import Naming, made_in, named_in, naming_of


@pytest.mark.parametrize(
    ("path", "naming"),
    [
        (b"/v1/responses", Naming(b"", is_body_asked=True, is_made=True)),
        (b"/v1/responses/", Naming(b"", is_body_asked=True, is_made=True)),
        (b"/v1/responses/resp_1", Naming(b"resp_1", True, False)),
        (b"/v1/responses/resp_1/cancel", Naming(b"resp_1", True, False)),
        (b"/openai/responses/resp_1/input_items", Naming(b"resp_1", True, False)),
        (b"/v1/conversations", Naming(b"", is_body_asked=False, is_made=True)),
        (b"/v1/conversations/conv_1/items/msg_1", Naming(b"conv_1", False, False)),
        (b"/v1/chat/completions", None),
        (b"/v1/responsesque", None),
        (b"/v1/responses/" + b"x" * 129, None),
        (b"/", None),
    ],
)
def test_a_path_says_what_it_has_to_do_with_state(
    path: bytes, naming: Naming | None
) -> None:
    assert naming_of(path) == naming


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"input":"Hi","previous_response_id":"resp_1"}', b"resp_1"),
        (b'{"conversation":"conv_1","input":[]}', b"conv_1"),
        (b'{"conversation":{"id":"conv_1"},"input":[]}', b"conv_1"),
        (b'{"previous_response_id":null,"conversation":null}', None),
        (b'{"previous_response_id":7}', None),
        (b'{"previous_response_id":""}', None),
        (b'{"previous_response_id":"%b"}' % (b"x" * 129), None),
        (b'{"input":"say \\"previous_response_id\\": \\"resp_1\\""}', None),
        (b'{"metadata":{"previous_response_id":"resp_1"}}', None),
        (b'["previous_response_id"]', None),
        (b'{"previous_response_id":"resp_1"', None),
        (b"\xff", None),
    ],
)
def test_a_request_names_what_it_goes_on_from(body: bytes, name: bytes | None) -> None:
    assert named_in(body) == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"object":"response","output":[{"id":"msg_1"}],"id":"resp_1"}', b"resp_1"),
        (b'{"output":[{"id":"msg_1"}]}', None),
        (b'{"id":7}', None),
        (b"no JSON", None),
    ],
)
def test_an_answer_gives_the_id_it_is_kept_under(
    body: bytes, name: bytes | None
) -> None:
    assert made_in(body) == name
