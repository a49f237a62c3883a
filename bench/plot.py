"""docs/performance.json as a picture: plot.py FIGURES.json PICTURE.png."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

OURS, OTHERS = "#1f6f8b", "#b8c4cc"


def bars(axes: plt.Axes, names: list[str], values: list[float], labels: list[str], title: str) -> None:
    colours = [OURS if "Parlance" in name else OTHERS for name in names]
    drawn = axes.barh(names, values, color=colours, height=0.6)
    axes.bar_label(drawn, labels, padding=4, fontsize=9)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlim(0, max(values) * 1.35 or 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()


def main() -> None:
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    relays, there = figures["relays"], figures["machine"]
    names = [relay["relay"] for relay in relays]
    picture, (left, right) = plt.subplots(1, 2, figsize=(11, 0.6 * len(relays) + 1.4), sharey=True)
    cost = [relay["cpu_per_token"] for relay in relays]
    ratios = [f"{relay['cpu_per_token']:g} µs, x {relay['to_floor']:.1f}" for relay in relays]
    bars(left, names, cost, ratios, "CPU per token, and the ratio to the floor (less is better)")
    clean = [relay["clean_streams"] for relay in relays]
    bars(right, names, clean, [str(count) for count in clean], "Clean streams at 50 tokens/s (more is better)")
    picture.text(0.01, 0.01, f"One process each. {there['cpu']}, {there['date']}", fontsize=8, color="#555555")
    left.invert_yaxis()  # the axis is shared: the second call turned it back
    picture.tight_layout(rect=(0, 0.04, 1, 1))
    picture.savefig(sys.argv[2], dpi=130)


if __name__ == "__main__":
    main()
