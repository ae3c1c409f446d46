"""Which dialect a request speaks."""

import pytest

from gateway.answers.dialects import AUTO, DIALECTS, FAMILIES, dialect_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/v1/chat/completions", "openai_chat"),
        (b"/openai/deployments/d/chat/completions", "openai_chat"),
        (b"/v1/chat/completions/", "openai_chat"),
        (b"/v1/chat/completions//", "openai_chat"),
        (b"/v1/completions", "openai_completions"),
        (b"/v1/embeddings", "openai_embeddings"),
        (b"/v1/responses", "openai_responses"),
        (b"/v1/responses/resp_1", "plain"),
        (b"/v1/messages", "anthropic"),
        (b"/anthropic/v1/messages", "anthropic"),
        (b"/v1/messages/count_tokens", "plain"),
        (b"/v1/threads/t/messages", "plain"),
        (b"/v1/models", "plain"),
        (b"/api/chat", "ollama"),
        (b"/api/generate", "ollama"),
        (b"/api/embed", "ollama_embed"),
        (b"/api/embeddings", "ollama_embed"),
        (b"/generate", "plain"),
        (b"/generate_stream", "tgi"),
        (b"/v2/models/m/infer", "kserve"),
        (b"/v2/models/m/versions/3/infer", "kserve"),
        (b"/prefix/v2/models/m/infer", "kserve"),
        (b"/v2/models/m/generate", "kserve_generate"),
        (b"/v2/models/m/versions/3/generate_stream", "kserve_generate"),
        (b"/v2/models/api/generate", "kserve_generate"),
        (b"/v2/models/infer", "plain"),
        (b"/infer", "plain"),
        (b"/v2/models/m/ready", "plain"),
        (b"/", "plain"),
        (b"", "plain"),
    ],
)
def test_the_longest_ending_of_the_path_that_fits_wins(path: bytes, name: str) -> None:
    assert dialect_of(AUTO, path).name == name


def test_only_dialects_of_the_family_that_is_set_are_chosen() -> None:
    assert dialect_of("openai", b"/v1/completions").name == "openai_completions"
    assert dialect_of("openai", b"/v1/messages").name == "plain"
    assert dialect_of("anthropic", b"/v1/messages").name == "anthropic"
    assert dialect_of("anthropic", b"/v1/chat/completions").name == "plain"
    assert dialect_of("plain", b"/v1/chat/completions").name == "plain"
    assert dialect_of("tgi", b"/generate").name == "tgi"
    assert dialect_of("tgi", b"/api/generate").name == "tgi"
    assert dialect_of("kserve", b"/generate").name == "plain"
    assert dialect_of("ollama", b"/v2/models/api/generate").name == "ollama"


def test_every_ending_leads_to_its_own_dialect() -> None:
    for dialect in DIALECTS.values():
        for ending in dialect.paths:
            assert dialect_of(AUTO, b"/prefix" + ending) is dialect
            assert dialect_of(dialect.family, b"/prefix" + ending) is dialect


def test_each_family_may_be_set_once() -> None:
    assert len(set(FAMILIES)) == len(FAMILIES)
    assert AUTO not in FAMILIES
