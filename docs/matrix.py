"""Draws the guarantees' matrix (app/testing/guarantees.py) from the results of its tests:

    python -m docs.matrix RESULTS.xml docs/matrix.svg      or: make matrix

RESULTS.xml is what pytest writes with `--junitxml`. Nothing is drawn where a test has failed, or where a cell has none.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from app.testing.guarantees import ROWS, STREAMS_ONLY

LEFT, TOP, CELL, HIGH = 340, 74, 62, 26
WORDS = 'font-family="system-ui, sans-serif" font-size="13"'
GREEN, GREY, INK = "#2e9e5b", "#b9bfc6", "#24292f"

Cell = tuple[str, str]  # a row, and how a wire is spoken: its name and its client's


class NotGreenError(Exception):
    """Says why there is no picture."""


def cells(results: Path) -> Mapping[Cell, int]:
    """How many tests show each. Raises NotGreenError."""
    shown: Counter[Cell] = Counter()
    for case in ET.parse(results).getroot().iter("testcase"):  # noqa: S314 - our own tests have written it
        if any(case.find(wrong) is not None for wrong in ("failure", "error", "skipped")):
            raise NotGreenError(f"{case.get('name')} has not passed")
        said = {each.get("name"): each.get("value", "") for each in case.iter("property")}
        if "guarantee" in said:
            shown[said["guarantee"], said["wire"]] += 1
    missing = [
        f"{wire}: {row}" for row in ROWS for wire in columns(shown) if applies(row, wire) and not shown[row, wire]
    ]
    if missing or not shown:
        raise NotGreenError("\n".join(["not shown:", *missing]))
    return shown


def columns(shown: Mapping[Cell, int]) -> Sequence[str]:
    """In groups of a wire."""
    return sorted(
        {wire for _, wire in shown}, key=lambda wire: (wire.split()[0], _is_whole(wire), _form(wire) != "stream", wire)
    )


def applies(row: str, wire: str) -> bool:
    return not (row in STREAMS_ONLY and _is_whole(wire))


def _is_whole(wire: str) -> bool:
    return wire.endswith("Whole")


def _form(wire: str) -> str:
    """What its client's name says beside the wire's."""
    name, client = wire.split()
    return re.sub(name, "", client, flags=re.IGNORECASE).lower() or "stream"


def drawn(shown: Mapping[Cell, int]) -> str:
    """As SVG."""
    wires = columns(shown)
    width, height = LEFT + CELL * len(wires) + 16, TOP + HIGH * len(ROWS) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" {WORDS}>',
        f"<title>{sum(shown.values())} tests, all of them passed</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>',
        *_head(wires),
        *(line for number, row in enumerate(ROWS) for line in _row(row, TOP + HIGH * number, wires, shown)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _head(wires: Sequence[str]) -> Iterator[str]:
    names = [wire.split()[0] for wire in wires]
    for name, count in Counter(names).items():
        middle = LEFT + CELL * (names.index(name) + count / 2)
        yield f'<text x="{middle:g}" y="28" text-anchor="middle" font-weight="600" fill="{INK}">{name}</text>'
    for number, wire in enumerate(wires):
        middle = LEFT + CELL * (number + 0.5)
        yield f'<text x="{middle:g}" y="54" text-anchor="middle" fill="{INK}">{_form(wire)}</text>'


def _row(row: str, top: float, wires: Sequence[str], shown: Mapping[Cell, int]) -> Iterator[str]:
    base = top + HIGH - 9
    yield f'<text x="16" y="{base:g}" fill="{INK}">{row}</text>'
    for number, wire in enumerate(wires):
        left = LEFT + CELL * number
        count = shown.get((row, wire), 0)
        if count:
            box = f'x="{left + 3}" y="{top + 2:g}" width="{CELL - 6}" height="{HIGH - 4}" rx="4"'
            yield f'<rect {box} fill="{GREEN}"/>'
        words = f"✓ {count}" if count else "·"
        colour = "#fff" if count else GREY
        yield f'<text x="{left + CELL / 2:g}" y="{base:g}" text-anchor="middle" fill="{colour}">{words}</text>'


def main() -> None:
    results, picture = (Path(each) for each in sys.argv[1:])
    try:
        picture.write_text(drawn(cells(results)))
    except NotGreenError as error:
        sys.exit(f"No picture: {error}")


if __name__ == "__main__":
    main()
