"""Scripts are the same programs after they were made shorter: run by node, before and after."""

import shutil
import subprocess

import pytest

from app.site.files import STATIC
from app.site.shorten import shortened
from app.site.widget import PARTS

PROGRAM = """
// A comment with "quotes", `ticks` and /slashes/.
const counted = { shown: 1, "in": 2, kept: [3, 4] };
/** Another
    one. */
let total = 0;
const shown = 5;
const data = { shown, total: () => total };

function add(one, other = 1) {
  const half = one / 2 / other; // divides, and is no expression
  return half + +other - -one;
}

async function later({ shown: renamed, kept = 7 }) {
  for (const each of [1, 2]) total += each;
  return typeof renamed === "number" ? add : shown;
}

const text = `a  ${add(4)} b ${`${shown}-${[1, 2].map((each) => `${each}`).join("/")}`} } $ {x} \\` c`;
const found = /[/"'`]{1,2}\\/(\\d+)/g.exec(`x"/12`);
const quoted = 'it\\'s // no "comment"' + "/* nor */ this";
const isShown = (value) => (value ? shown : total) / 1;
const chain = counted?.kept?.[0] ?? 1, ternary = total ? shown : add;
const spread = [...counted.kept, ...[add(2)]];
let number = (5).toFixed(1) + 1.5e3 + 0x1f;
number++;
if (total === 0) later(counted).then((result) => console.log(result === add, total, data.total()));
else throw 1;
console.log(text, found[1], quoted, isShown(1), chain, ternary.length, spread, number);
console.log(data.shown, counted.shown in { 1: 1 });
"""


def run(script: str) -> str:
    node = shutil.which("node")
    if not node:
        pytest.skip("node not installed")
    done = subprocess.run([node, "-"], input=script, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_shortened_program_does_the_same() -> None:
    script = shortened(PROGRAM)
    assert run(script) == run(PROGRAM) != ""
    assert "\n" not in script.replace("\\n", "")


def test_names_of_the_scripts_own_are_short_and_those_of_properties_stay() -> None:
    script = shortened(PROGRAM)
    assert all(name not in script for name in ("isShown", "chain", "later", "comment. "))
    assert all(name in script for name in ("shown", "kept", "total", "half"))


def test_text_of_every_kind_stays_as_it_is() -> None:
    for text in ('"a  // b"', "'a /* b'", "`a  ${b} // c`", r"/a  \/[/ ]  b/g", r'"\"  \\"', "`${`a  b`}  }`"):
        assert text in shortened(f"const kept = {text};\n")


def test_the_widget_loses_a_fifth() -> None:
    script = "".join((STATIC / f"widget/{name}.js").read_text() for name in PARTS)
    assert len(shortened(script)) < 0.8 * len(script)
