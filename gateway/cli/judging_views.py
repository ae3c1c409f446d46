"""What the admin API answers of judging; see views.py."""

import msgspec


class TokensView(msgspec.Struct, kw_only=True, frozen=True):
    """Tokens that judging took."""

    input: int = 0
    output: int = 0


class BudgetView(msgspec.Struct, kw_only=True, frozen=True):
    """What is left of this hour's budget; None: there is no limit."""

    tokens_left: int | None = None
    usd_left: float | None = None


class EvaluatorView(msgspec.Struct, kw_only=True, frozen=True):
    """What an evaluator has done since the gateway started.

    Attributes:
        results: Samples by what became of them.
        cost_usd: None: its tokens have no price.
        serving_cost_usd: Of all versions, in the same time.

    """

    name: str
    results: dict[str, int] = {}
    queued: int = 0
    seconds_per_verdict: float | None = None
    tokens: TokensView = TokensView()
    cost_usd: float | None = None
    serving_cost_usd: float = 0.0
    budget: BudgetView = BudgetView()


class ExampleView(msgspec.Struct, kw_only=True, frozen=True):
    """An answer that scored badly."""

    at: str
    value: float
    said: str = ""
    prompt: str | None = None
    context: list[str] = []
    reference: str | None = None
    answer: str | None = None
    is_cut: bool = False


class ExamplesView(msgspec.Struct, kw_only=True, frozen=True):
    """The worst examples of a service, by version and score."""

    service: str
    versions: dict[str, dict[str, list[ExampleView]]]
