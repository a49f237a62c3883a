"""Figures of relays, by round, and what is made of them: medians, and ratios within each round."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from contenders import Relay


@dataclass(frozen=True)
class Ratio:
    """Of rounds."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Tries:
    """Of each relay, by its short name, each figure of each round."""

    found: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, relay: Relay, figures: dict[str, float]) -> None:
        for name, figure in figures.items():
            self.found.setdefault(relay.short, {}).setdefault(name, []).append(figure)

    def medians(self, relay: str) -> dict[str, float]:
        return {name: round(median(each), 1) for name, each in self.found[relay].items()}

    def ratios(self, relay: str, figure: str, bases: Iterable[str]) -> dict[str, Ratio]:
        """To what each base came to in the same round; of the bases that were measured."""
        found = {}
        for base in bases:
            if base in self.found:
                pairs = zip(self.found[relay][figure], self.found[base][figure], strict=True)
                each = [one / other for one, other in pairs if other > 0]
                found |= {base: Ratio(*(round(of(each), 3) for of in (median, min, max)))} if each else {}
        return found

    def above(self, relay: str, base: str) -> dict[str, float]:
        """The medians of what each figure has more than the base's in the same round."""
        pairs = {name: zip(each, self.found[base][name], strict=True) for name, each in self.found[relay].items()}
        return {name: round(median(one - other for one, other in each), 1) for name, each in pairs.items()}
