"""docs/performance.json as a picture: plot.py FIGURES.json PICTURE.png."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

OURS, OTHERS = "#1f6f8b", "#b8c4cc"


def bars(axes: plt.Axes, names: list[str], values: list[float], labels: list[str], title: str) -> None:
    colours = [OURS if "Parlance" in name else OTHERS for name in names]
    drawn = axes.barh(names, values, color=colours, height=0.6)
    axes.bar_label(drawn, labels, padding=4, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlim(0, max(values) * 1.4 or 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def costs(axes: plt.Axes, relays: list[dict[str, Any]], figure: str, title: str) -> None:
    values = [relay[figure] for relay in relays]
    ratios = [relay["ratios"][figure]["floor"]["median"] for relay in relays]
    labels = [f"{value:g} µs, x {ratio:.1f}" for value, ratio in zip(values, ratios, strict=True)]
    bars(axes, [relay["relay"] for relay in relays], values, labels, title)


def main() -> None:
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    relays, there = figures["relays"], figures["machine"]
    clean = [relay["clean_streams"] for relay in relays if "clean_streams" in relay]
    panels = 3 if clean else 2
    size = 5.5 * panels, 0.6 * len(relays) + 1.4
    picture, axes = plt.subplots(1, panels, figsize=size, sharey=True)
    costs(axes[0], relays, "per_token", "CPU of a token, and to the floor (less is better)")
    costs(axes[1], relays, "per_request", "CPU of a request, and to the floor (less is better)")
    if clean:
        names = [relay["relay"] for relay in relays]
        bars(axes[2], names, clean, [str(count) for count in clean], "Clean streams at 50 tokens/s (more is better)")
    axes[0].invert_yaxis()  # which all share: the first relay is on top
    picture.text(0.01, 0.01, f"One process each. {there['cpu']}, {there['date']}", fontsize=8, color="#555555")
    picture.tight_layout(rect=(0, 0.04, 1, 1))
    picture.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
