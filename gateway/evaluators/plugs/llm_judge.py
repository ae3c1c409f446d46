"""A language model judges, by rubrics, at any OpenAI-compatible /chat/completions.

One call an exchange for all scores of an evaluator (decisions/0017). What the model is
shown is in sheet.py, what is believed of its reply in reply.py, and what the server takes
in chat.py. A reply without a verdict is asked for once more, with other marks.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
import orjson

from gateway.domain.errors import BadConfiguration
from gateway.domain.evaluation import Evaluator
from gateway.evaluators.chat import Chat, Said
from gateway.evaluators.comparing import BETTER, SAME, WORSE
from gateway.evaluators.evaluator import (
    UNLIMITED,
    Allowance,
    Judge,
    JudgeFailed,
    Used,
    Verdict,
    Why,
)
from gateway.evaluators.reply import open_reply
from gateway.evaluators.rubric import Rubric, Unreadable
from gateway.evaluators.rubrics import RUBRICS
from gateway.evaluators.server import USUAL_PATHS, Server, place_on_server
from gateway.evaluators.sheet import (
    CHOICE,
    FIRST,
    NEITHER,
    SECOND,
    Sheet,
    choices_of,
    tasks_of,
    write_pair,
    write_sheet,
)
from gateway.handoff.samples import Texts

_TRIES: Final = 2
_LONGEST_SAID: Final = 2_000
_HASH_DIGITS: Final = 12
_NO_SCORES: Final[dict[str, float | None]] = {}


def llm_judge(evaluator: Evaluator) -> Judge:
    """Make the judge of *evaluator*.

    Raises:
        BadConfiguration: There is no rubric for one of its scores.

    """
    unknown = [score.name for score in evaluator.scores if score.name not in RUBRICS]
    if unknown:
        raise BadConfiguration(
            f"{evaluator.name}: there is no rubric for {', '.join(unknown)}.",
            remedy=f"Those there are: {', '.join(RUBRICS)}.",
        )
    return LlmJudge(evaluator)


class LlmJudge:
    """See the module."""

    def __init__(self, evaluator: Evaluator) -> None:
        url = evaluator.url.rstrip("/") + "/chat/completions"
        self._server = Server(
            url, evaluator.headers, evaluator.deadline, time.monotonic
        )
        self._chat = Chat(self._server, evaluator.model, evaluator.max_tokens)
        self._name = evaluator.name
        self._rubrics = {
            RUBRICS[score.name]: score.is_flag for score in evaluator.scores
        }
        self.identity = _identity(evaluator, self._server.host)

    def most(self, texts: Texts, other: str | None = None) -> Used:
        """See Judge: what a call may take, and what may be written (bounds.py)."""
        if other and (compared := self._of_two(texts)):
            answers = (texts.answer or "", other)  # no score is left out
            return self._chat.most(write_pair(compared, texts, answers))
        if other is not None:
            halves = (texts, msgspec.structs.replace(texts, answer=other))
            return self.most(halves[0]) + self.most(halves[1])
        rubrics = self._of_one(texts)
        return self._chat.most(write_sheet(rubrics, texts)) if rubrics else Used()

    async def judge(self, texts: Texts, allowance: Allowance = UNLIMITED) -> Verdict:
        """See Judge."""
        scores: dict[str, float | None] = dict.fromkeys(
            rubric.name for rubric in self._rubrics
        )
        rubrics = self._of_one(texts)
        if not rubrics:
            return Verdict(scores=scores)

        def read(said: dict[str, object], sheet: Sheet) -> dict[str, float]:
            return {
                rubric.name: rubric.value(
                    said[rubric.name], sheet.passages, is_flag=self._rubrics[rubric]
                )
                for rubric in rubrics
            }

        verdict = await self._ask(lambda: write_sheet(rubrics, texts), read, allowance)
        return msgspec.structs.replace(verdict, scores={**scores, **verdict.scores})

    async def compare(
        self,
        texts: Texts,
        other: str,
        *,
        is_swapped: bool,
        allowance: Allowance = UNLIMITED,
    ) -> Verdict:
        """See Judge: by the rubrics that say something of answers, and can of this one."""
        rubrics = self._of_two(texts)
        if not rubrics or not other:
            return Verdict(scores=_NO_SCORES)
        answers = (texts.answer or "", other)
        shown = answers[::-1] if is_swapped else answers
        others_place, ones_place = (FIRST, SECOND) if is_swapped else (SECOND, FIRST)
        worth = {others_place: BETTER, NEITHER: SAME, ones_place: WORSE}

        def read(said: dict[str, object], _sheet: Sheet) -> dict[str, float]:
            return {
                rubric.name: worth[CHOICE.read(said[rubric.name], 0)[0]]
                for rubric in rubrics
            }

        return await self._ask(
            lambda: write_pair(rubrics, texts, shown), read, allowance
        )

    async def close(self) -> None:
        """See Judge."""
        await self._server.close()

    def _of_one(self, texts: Texts) -> list[Rubric]:
        return [rubric for rubric in self._rubrics if rubric.can_judge(texts)]

    def _of_two(self, texts: Texts) -> list[Rubric]:
        return [r for r in self._of_one(texts) if r.compares is not None]

    async def _ask(
        self,
        write: Callable[[], Sheet],
        read: Callable[[dict[str, object], Sheet], dict[str, float]],
        allowance: Allowance,
    ) -> Verdict:
        """Ask, and once more where there is no verdict in the reply."""
        used, why = Used(), ""
        for number in range(_TRIES):
            sheet = write()
            if number and not await allowance.more(self._chat.most(sheet)):
                why += "; the budget has no room to ask again"
                break
            try:
                reply = await self._chat.ask(sheet)
            except JudgeFailed as failure:
                failure.used += used
                raise
            used += reply.used
            try:
                said = open_reply(reply.content, sheet.seal)
                scores = read(said, sheet)
            except (Unreadable, KeyError) as error:
                why = _told(error, reply)
            else:
                text = orjson.dumps(said).decode()[:_LONGEST_SAID]
                return Verdict(scores=scores, used=used, said=text, is_cut=sheet.is_cut)
        raise JudgeFailed(Why.GARBAGE, f"{self._name} gave no verdict: {why}.", used)


def _told(error: Exception, reply: Said) -> str:
    if reply.is_cut:
        return "it was cut by max_tokens"
    if isinstance(error, KeyError):
        return f"nothing on {error}"
    return str(error)


def _identity(evaluator: Evaluator, host: str) -> str:
    """Name rubrics by version, and by what they and the rules around them say."""
    rubrics = [RUBRICS[score.name] for score in evaluator.scores]
    named = "+".join(
        f"{score.name}/{RUBRICS[score.name].version}{score.form}"
        for score in evaluator.scores
    )
    forms = [(rubric.form, rubric.flag_from) for rubric in rubrics]
    place = place_on_server(evaluator.url, USUAL_PATHS)
    told = f"{tasks_of(rubrics)}\n{choices_of(rubrics)}\n{forms}"
    digest = sha256(told.encode()).hexdigest()[:_HASH_DIGITS]
    return f"llm_judge {named} sha256:{digest} {evaluator.model} at {host}{place}"
