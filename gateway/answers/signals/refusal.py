"""The model declined: the protocol says so, or the answer begins as refusals begin.

The phrases are looked for in the first 400 characters only: an answer that quotes a
refusal further down is none. English phrases may stand anywhere there; those of other
languages only at the very beginning. "I'm sorry" alone is an apology, not a refusal:
what must follow is that the model will not do it. A lexical rule misses refusals in
other words and other languages, and English ones without capitals; it misses them on
both versions alike.
"""

import re
from typing import Final

from gateway.answers.answer import Answer
from gateway.answers.asked import Asked
from gateway.answers.signal import Kind, Signal, Worse
from gateway.domain.outcome import Outcome

_LOOKED_AT: Final = 400

# What is declined. "I can't find your order" and "I can't help but notice" are not.
_VERBS: Final = (
    r"(?:\w+ ){0,2}(?:help(?! but)|assist|provide|comply|fulfill?|create|generate|answer"
    r"|discuss|engage|share|support|continue|write|participate|produce|give|respond"
    r"|facilitate|promote|encourage|accommodate|proceed|do (?:that|this|so)"
    r"|complete (?:that|this))\b"
)

# It begins with the one letter that all its phrases have: the search for that is a loop
# in C, three times as fast as a pattern that begins with alternatives.
_ENGLISH: Final = re.compile(
    r"I(?:(?<=\bAI) (?:language )?(?:model|assistant)[,.]? I"
    r" (?:can(?:not|['\u2019]t)|do(?:n['\u2019]t| not)|am (?:not|unable))\b"
    r"|(?<!\wI)(?:"
    r" (?:can(?:not|['\u2019]t| not)|won['\u2019]t|will not|must (?:decline|refuse)(?: to)?"
    r"|have to decline(?: to)?|refuse to|decline to) " + _VERBS + r"|(?: am|['\u2019]m)"
    r" (?:(?:unable|not (?:able|allowed|permitted|going|willing|in a position)) to "
    + _VERBS
    + r"|not comfortable\b|sorry,? but (?:that|this|it)\b[^.!?\n]{0,40}"
    r"\b(?:not something|against|violates?)"
    r"|sorry,? (?:but )?I (?:can(?:not|['\u2019]t)|won['\u2019]t)(?: do (?:that|this))?[.!]"
    r")))"
)
_RULES: Final = re.compile(
    r"gainst my (?:guidelines|programming|polic(?:y|ies)|values)\b"
)

# An apology, then in the same sentence that it cannot be done; or that by itself.
_OTHERS: Final = re.compile(
    r"\W{0,6}(?:"
    # German, Dutch
    r"(?:Es )?[Tt]ut mir (?:sehr |wirklich )?leid[^.!?\n]{0,60}"
    r"\b(?:kann|darf|werde)\b[^.!?\n]{0,60}\b(?:nicht|keine?n?)\b"
    r"|Ich (?:kann|darf) [^.!?\n]{0,60}\bnicht (?:helfen|bereitstellen|beantworten)\b"
    r"|(?:Het )?[Ss]pijt me[^.!?\n]{0,60}\bkan (?:ik )?[^.!?\n]{0,40}\b(?:niet|geen)\b"
    # French, Spanish, Portuguese, Italian
    r"|(?:Je suis (?:vraiment )?)?[Dd]ésolée?[^.!?\n]{0,60}\bne (?:peux|pourrai|suis) pas\b"
    r"|Je ne peux pas (?:vous |t['\u2019])?(?:aider|répondre|fournir)\b"
    r"|(?:Lo siento|Disculp[ae]|Perd[oó]n)[^.!?\n]{0,60}\bno puedo\b"
    r"|No puedo (?:ayudar|proporcionar|responder|cumplir)"
    r"|(?:Desculpe|Lamento|Sinto muito)[^.!?\n]{0,60}\bnão posso\b"
    r"|Não posso (?:ajudar|fornecer|responder)"
    r"|Mi dispiace[^.!?\n]{0,60}\bnon posso\b|Non posso (?:aiutar|fornire|rispondere)"
    # Russian (two letters escaped, for they look Latin), Polish, Turkish
    r"|(?:Извините|Простите|\u041a сожалению)[^.!?\n]{0,60}\bн\u0435 могу\b"
    r"|Я не могу (?:помочь|предоставить|выполнить|ответить|обсуждать)\b"
    r"|Przepraszam[^.!?\n]{0,60}\bnie mogę\b"
    r"|Üzgünüm[^.!?\n]{0,80}(?:olamam|yapamam|edemem|veremem)\b"
    # Chinese, Japanese, Korean
    r"|(?:很?抱歉|对不起|對不起)[^。!?\uff01\uff1f\n]{0,30}(?:无法|無法|不能)"
    r"|我(?:无法|無法|不能)(?:提供|协助|協助|帮助|幫助|回答|满足|完成)"
    r"|(?:申し訳|すみません|ごめんなさい)[^\n]{0,60}"
    r"(?:できません|できかねます|いたしかねます)"
    r"|(?:죄송|미안)[^\n]{0,60}(?:수 없|어렵습니다|못합니다)"
    # Arabic, Hindi
    r"|(?:عذر|آسف|أعتذر|المعذرة)[^.\n]{0,60}(?:لا أستطيع|لا يمكنني|لن أتمكن)"
    r"|(?:क्षमा|माफ|मुझे खेद)[^।\n]{0,80}(?:नहीं कर सक|नहीं दे सक|असमर्थ)"
    r")"
)

_in_english: Final = _ENGLISH.search
_in_another: Final = _OTHERS.match


def _measure(asked: Asked, answer: Answer) -> float | None:
    if answer.has_refusal:
        return 1.0
    head = answer.text.head[:_LOOKED_AT]
    if not head:
        return None
    if _in_english(head) or _in_another(head):
        return 1.0
    return 1.0 if "gainst my " in head and _RULES.search(head) else 0.0


REFUSAL: Final = Signal(
    name="refusal",
    kind=Kind.FLAG,
    worse=Worse.HIGHER,
    measure=_measure,
    verdict=(1.0, Outcome.REFUSED),
)
