"""The shape of who judges answers: an entry of `services.NAME.evaluators`."""

from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from gateway.domain.evaluation import Budget, Evaluator, EvaluatorKind
from gateway.domain.price import Price
from gateway.settings import evaluators, names, quantities
from gateway.settings import scores as known
from gateway.settings.addresses import collector
from gateway.settings.problem import raise_all
from gateway.settings.shapes.headers import Headers, HeaderValue
from gateway.settings.shapes.price import PriceOrName
from gateway.settings.shapes.shape import (
    URL_PATTERN,
    Duration,
    Name,
    NotEmpty,
    Part,
    Shape,
    schema,
    surroundings_of,
    text_schema,
)
from gateway.settings.signals import few

_DEFAULTS: Final = Evaluator(name="", kind=EvaluatorKind.LLM_JUDGE, scores=())
_KINDS: Final = tuple(EvaluatorKind)
_MOST_AT_ONCE: Final = 256
_MOST_STARTS: Final = 100_000
_MOST_TOKENS: Final = 1_000_000_000
_MOST_USD: Final = 1_000_000
_LONGEST_VERDICT: Final = 32_768


def _canaries(value: object, info: ValidationInfo) -> str:
    return evaluators.canaries(value, surroundings_of(info).folder)


def _price_of_model(value: object, info: ValidationInfo) -> object:
    """Let auto mean the evaluator's own model."""
    return evaluators.by_name(info.data.get("model")) if value == "auto" else value


def _whole(lowest: int, highest: int) -> tuple[PlainValidator, object]:
    return (
        PlainValidator(quantities.count(lowest, highest)),
        schema(type="integer", minimum=lowest, maximum=highest),
    )


_Kind = Annotated[
    str, PlainValidator(names.choice("kind", _KINDS)), schema(enum=list(_KINDS))
]
_Url = Annotated[
    str, PlainValidator(collector), schema(type="string", pattern=URL_PATTERN)
]
_Model = Annotated[
    str, PlainValidator(evaluators.model_name), schema(type="string", minLength=1)
]
_Entry = Annotated[
    str,
    PlainValidator(evaluators.entry_point),
    text_schema(evaluators.ENTRY_PATTERN),
]
_Score = Annotated[
    known.ScoreEntry,
    PlainValidator(known.score_entry),
    schema(
        anyOf=[
            {"enum": list(known.KNOWN)},
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": f"^{known.NAME_PATTERN}$"},
                    "kind": {"enum": list(known.SORTS)},
                    "worse": {"enum": list(known.WORSE)},
                },
                "required": ["name"],
                "additionalProperties": False,
            },
        ]
    ),
]


class BudgetShape(Shape):
    """`budget`."""

    tokens_per_hour: Annotated[int, *_whole(1, _MOST_TOKENS)] | None = Field(
        default=None,
        description="Tokens read and written, in each hour of the clock; null: no limit.",
    )
    usd_per_hour: (
        Annotated[
            float,
            PlainValidator(quantities.number(0, _MOST_USD)),
            schema(type="number", minimum=0, maximum=_MOST_USD),
        ]
        | None
    ) = Field(
        default=None,
        description="The same in USD, by the evaluator's price; null: no limit.",
    )


class EvaluatorShape(Shape):
    """An entry of `evaluators`."""

    name: Annotated[Name, AfterValidator(evaluators.not_feedback)] = Field(
        description="What its scores are called by: NAME:SCORE.", examples=["judge"]
    )
    kind: _Kind = Field(
        description="llm_judge: a language model, by rubrics; embedding: the similarity "
        "of question and answer; http: a scorer of yours; python: a function of yours.",
        examples=["llm_judge"],
    )
    scores: Annotated[list[_Score], NotEmpty, AfterValidator(few(known.MOST))] = Field(
        description="What it gives, by name; {name: …, kind: flag or score, worse: …} "
        "for what only your scorer knows.",
        examples=[["relevance", "hallucination"]],
    )
    url: _Url | None = Field(
        default=None,
        description="Its server, up to and without /chat/completions or /embeddings; "
        "the whole address of an HTTP scorer; null: an embedding that is installed here.",
    )
    model: _Model = Field(
        default=_DEFAULTS.model,
        description="As its server knows it; of an embedding that is installed here, "
        "its package or folder.",
    )
    api_key: HeaderValue | None = Field(
        default=None,
        description="Sent as `Authorization: Bearer …`: a text, {env: VARIABLE} or "
        "{file: PATH}.",
    )
    headers: Headers = Field(
        default={},
        description="Headers sent along: a text, {env: VARIABLE} or {file: PATH}.",
    )
    entry: _Entry | None = Field(
        default=None,
        description="Of kind python: package.module:function.",
    )
    sample: Annotated[Part, AfterValidator(evaluators.not_nothing)] = Field(
        default=_DEFAULTS.sample,
        description="For which part of the keys; the same keys on both versions.",
    )
    deadline: Duration = Field(
        default=_DEFAULTS.deadline,
        description="From an answer's end until its score counts no more.",
    )
    concurrency: Annotated[int, *_whole(1, _MOST_AT_ONCE)] = Field(
        default=_DEFAULTS.concurrency, description="Judgements that run at once."
    )
    per_minute: Annotated[int, *_whole(1, _MOST_STARTS)] | None = Field(
        default=_DEFAULTS.per_minute,
        description="Judgements that may begin in a minute; null: no limit.",
    )
    budget: BudgetShape = Field(
        default=BudgetShape(), description="What it may use in each hour of the clock."
    )
    price: Annotated[
        PriceOrName,
        BeforeValidator(_price_of_model),
    ] = Field(  # after model, which it looks at
        default=None,
        description="USD per million of its tokens, as the price of a version; auto: "
        "as its model costs; null: not known.",
    )
    max_tokens: Annotated[int, *_whole(16, _LONGEST_VERDICT)] = Field(
        default=_DEFAULTS.max_tokens,
        description="Of kind llm_judge: tokens it may write for one verdict.",
    )
    canaries: (
        Annotated[str, PlainValidator(_canaries), schema(type="string")] | None
    ) = Field(
        default=None,
        description="A file of examples it is tried on every now and then, to notice "
        "when it begins to judge otherwise; null: it is not.",
    )

    _evaluator: Evaluator = PrivateAttr()

    @model_validator(mode="after")
    def _fits(self) -> "EvaluatorShape":
        kind = EvaluatorKind(self.kind)
        raise_all(evaluators.misfits(kind, self.model_fields_set, self.url or ""))
        raise_all(evaluators.unpaid(self.budget.usd_per_hour, priced=bool(self.price)))
        self._evaluator = Evaluator(
            name=self.name,
            kind=kind,
            scores=evaluators.scores_of(self.scores, kind),
            url=self.url or "",
            model=self.model,
            headers=evaluators.headers_of(self.headers, self.api_key),
            entry=self.entry or "",
            sample=self.sample,
            deadline=self.deadline,
            concurrency=self.concurrency,
            per_minute=self.per_minute,
            budget=Budget(**self.budget.model_dump()),
            price=None if self.price is None else Price(**self.price.model_dump()),
            max_tokens=self.max_tokens,
            canaries=self.canaries,
        )
        return self

    @property
    def evaluator(self) -> Evaluator:
        """Give the domain's value."""
        return self._evaluator


def told_apart(shapes: list[EvaluatorShape]) -> list[EvaluatorShape]:
    """Check that there are few, each with a name of its own. Raises Wrong."""
    raise_all(evaluators.not_apart([shape.name for shape in shapes]))
    return shapes
