"""`parlance usage`: tokens, credits and money, by day, key, agent and model."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import click

from app.cli.common import echo_json, json_option, store_errors_told
from app.cli.parts import parts
from app.settings.records import Price
from app.store.usage import BY, Sums, usage

NONE = "none"
_COUNTS = ("answers", "failures", "prompt_tokens", "completion_tokens", "credits")
_MILLION = 1_000_000


@dataclass(slots=True)
class _Total:
    """Several sums together. `money` is by currency; `unpriced` are the models whose tokens have no known price."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    money: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unpriced: set[str] = field(default_factory=set)

    def add(self, sums: Sums, model: Any, prices: Mapping[str, Price]) -> None:
        for name in _COUNTS:
            self.counts[name] += getattr(sums, name)
        price = prices.get(model)
        if price:
            told = price.input * sums.prompt_tokens + price.output * sums.completion_tokens
            self.money[price.currency] += told / _MILLION
        elif sums.prompt_tokens or sums.completion_tokens:
            self.unpriced.add(model or NONE)

    def money_text(self) -> str:
        known = " + ".join(f"{amount:.4f} {currency}" for currency, amount in sorted(self.money.items()))
        missing = f"without {', '.join(sorted(self.unpriced))}" if self.unpriced else ""
        return ", ".join(filter(None, [known, missing])) or NONE

    def as_json(self) -> dict[str, Any]:
        money = {currency: round(float(amount), 6) for currency, amount in sorted(self.money.items())}
        return {**self.counts, "money": money, "unpriced": sorted(self.unpriced)}


def _names(_context: click.Context, _option: click.Parameter, value: str) -> Sequence[str]:
    names = [name.strip() for name in value.split(",")]
    wrong = next((name for name in names if name not in BY or names.count(name) > 1), None)
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r} is none of {', '.join(BY)}, or stands there twice.")
    return names


@click.command("usage")
@click.option("--by", default="day", callback=_names, help="day, key, agent, model, or several with commas (day).")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only answers from this day on (UTC).")
@json_option
def show_usage(by: Sequence[str], since: datetime | None, as_json: bool) -> None:
    """What answers have taken: tokens, credits, answers, failures among them, and money where a model has a
    price_per_million. Days are in UTC."""
    shared = parts()
    prices = {name: model.price for name, model in shared.settings.models.items() if model.price}
    start = round(since.replace(tzinfo=UTC).timestamp() * 1000) if since else None
    with store_errors_told():
        found = usage(shared.database.url, [*by, *(() if "model" in by else ("model",))], start)
    groups: dict[tuple[Any, ...], _Total] = defaultdict(_Total)
    whole = _Total()
    model_at = [*by, "model"].index("model")
    for sums in found:
        for total in (groups[sums.by[: len(by)]], whole):
            total.add(sums, sums.by[model_at], prices)
    labelled: list[tuple[list[str | None], _Total]] = [
        ([_label(*pair) for pair in zip(by, values, strict=True)], total) for values, total in groups.items()
    ]
    if as_json:
        told = [{**dict(zip(by, labels, strict=True)), **total.as_json()} for labels, total in labelled]
        echo_json({"usage": told, "total": whole.as_json()})
        return
    click.echo("\t".join([*by, *(name.replace("_", " ") for name in _COUNTS), "money"]))
    whole_labels: list[str | None] = ["total", *[""] * (len(by) - 1)]
    for labels, total in [*labelled, (whole_labels, whole)]:
        texts = [NONE if label is None else label for label in labels]
        click.echo("\t".join([*texts, *map(str, total.counts.values()), total.money_text()]))


def _label(kind: str, value: Any) -> str | None:
    return (date(1970, 1, 1) + timedelta(days=value)).isoformat() if kind == "day" else value
