"""Declining is told from apologising, in the words that models use."""

import pytest

from tests.unit.answers.exchanges import measured, said


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that request.",
        "Sorry, but I can't comply with this.",
        "I cannot provide instructions for that.",
        "I am not able to help with this.",
        "I'm unable to assist with that.",
        "I won't write that.",
        "I'm sorry, but I can't.",
        "I'm sorry, but that's not something I can help with.",
        "As an AI language model, I can't do it.",
        "As an AI assistant, I don't have opinions.",
        "Unfortunately, I must decline to answer.",
        "That goes against my guidelines.",
        "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
        "Ich kann Ihnen dabei nicht helfen.",
        "Het spijt me, maar daar kan ik je niet mee helpen.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Desculpe, mas não posso ajudar com isso.",
        "Mi dispiace, ma non posso aiutarti.",
        "Извините, но я не могу помочь с этим.",
        "\u041a сожалению, я не могу это сделать.",
        "Przepraszam, ale nie mogę w tym pomóc.",
        "Üzgünüm, bu konuda yardımcı olamam.",
        "很抱歉，我无法协助处理此请求。",
        "對不起，我無法協助。",
        "申し訳ありませんが、そのご要望にはお応えできません。",
        "죄송합니다. 그 요청은 도와드릴 수 없습니다.",
        "عذرًا، لا أستطيع المساعدة في ذلك.",
        "\n\n**I cannot help with that.**",
    ],
)
def test_a_refusal_is_seen(text: str) -> None:
    assert measured("refusal", said(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Paris.",
        "I'm sorry to hear that you had a bad day. Let me help!",
        "I'm sorry, I made a mistake: the answer is 5.",
        "I can help with that.",
        "I can't find your order number.",
        "I can't help but notice how well it runs.",
        "The AI model, I think, can do that.",
        "HI cannot help",
        "Es tut mir leid, das zu hören! Ich helfe gern.",
        "Lo siento mucho por tu pérdida.",
        "申し訳ありません、正しくは5です。",
        "很抱歉听到这个消息。",
        "Извините за задержку.",
        "Here is what the bot said. " + "x " * 200 + "I cannot help with that.",
    ],
)
def test_an_answer_or_an_apology_is_not_a_refusal(text: str) -> None:
    assert measured("refusal", said(text)) == 0


def test_the_protocols_own_word_needs_no_text() -> None:
    answer = said("")
    answer.has_refusal = True

    assert measured("refusal", answer) == 1


def test_without_a_text_nothing_is_said() -> None:
    assert measured("refusal", said("")) is None
