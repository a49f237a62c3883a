"""Answers in the chat widget while they are written: no mark is seen that will be gone, and nothing runs, whatever they
are put together from."""

import json
import random
from collections.abc import Iterator

import pytest
from support.widget_pages import ROOT, Site, site

from app.testing.server import script

pytestmark = pytest.mark.timed(tries=1)

TEXTS = f"[...{ROOT}.querySelectorAll('.bot .text')]"
HALF = [
    ("So **very imp", "So very imp", "strong"),
    ("| **Day** | `x", "", ""),
    ("Days:\n| a | b |\n|--", "Days:", "p"),
    ("| a | b |\n|---|---|\n| **one", "a\tb\none", "td strong"),
    ("Call `now", "Call now", "code"),
    ("See [the prices](https://x.exa", "See", "p"),
    ("See [the pri", "See", "p"),
    ("Tom &am", "Tom", "p"),
    ("one<b", "one", "p"),
    ("Title\n==", "Title", "p"),
    ("Item:\n-", "Item:", "p"),
    ("a ~~old~", "a ~~old", "p"),
    ("```js\nlet a = `b", "let a = `b", "pre"),
]
PIECES = [
    *("a", "b ", " c", "\n", "\n\n", "  ", "    ", "- ", "1. ", "> ", "# ", "| ", "|---|\n", "```", "~~~", "`", "**"),
    *("*", "_", "~~", "[", "](", "]", ")", "(", "<", ">", "<br>", "<b>", "</b>", "<a href='", "</a>"),
    *("<ul>", "<li>", "</ul>", "<!--"),
    *("&", "&lt;", "&#60;", "&amp;", "\\", "\\(", "\\)", "\\[", "\\]", "$$", "===\n", "---\n", "[x]: ", "[x]", "[^1]"),
    *("!", "-->", "https://x.example", "javascript:hacked=1", "data:text/html,x", "tel:1", "www.x.example"),
    *("<script>hacked=1</script>", "<img src=x onerror=hacked=1>", " onclick=hacked=1 ", "<svg onload=hacked=1>"),
    *("i@x.example", "\r", "\t", "。", "日", "“", "🎉"),
]  # fmt: skip
UNSAFE = f"""{TEXTS}.flatMap(text => [...text.querySelectorAll('*')]).filter(each =>
    /^(script|style|iframe|object|embed|svg|math|form|input|img|base|link|meta|template)$/i.test(each.localName)
    || each.getAttributeNames().some(name => /^on|style|src/.test(name))
    || (each.localName === 'a' && (!/^(https?|mailto|tel):$/.test(each.protocol) || each.querySelector('a')))
).map(each => each.outerHTML)"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("shop"), server, browser) as made:
        yield made


def test_marks_that_will_be_gone_are_not_seen_while_an_answer_is_written(shop) -> None:
    widget = shop.opened()
    for half, seen, element in HALF:
        widget.send(script({"text": "x\n\n"}, {"text": half}, {"pause": 30}))
        last = f"{TEXTS}.pop()"
        texts = f"[...{last}.children].slice(1).map(each => (each.querySelector('pre') || each).innerText)"
        shown = f"{texts}.join('\\n').trim()"
        widget.until(f"{last}.textContent.startsWith('x') && {shown} === {json.dumps(seen)}")
        assert not element or widget.js(f"[...{last}.querySelectorAll('{element}')].length > 0"), half
        widget.press(".send.stop")
        widget.until(f"!{ROOT}.querySelector('.send.stop')")
        whole = f"{TEXTS}.pop().textContent.includes({json.dumps(half.split()[-1].strip('*~`|[&'))})"
        assert widget.js(whole) or half.endswith(("==", "-")), "what came stays, as it came"


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_is_put_together_runs_and_pieces_come_to_the_same_as_the_whole(shop, seed) -> None:
    chosen = random.Random(seed)
    pieces = ["x"]
    while sum(len(piece) + 20 for piece in pieces) < 3000:  # a question has 4,000 characters
        pieces.append("".join(chosen.choices(PIECES, k=chosen.randint(1, 6))))
    cues: list[dict[str, object]] = [{"text": piece} for piece in pieces]
    for at in range(len(cues) - 1, 0, -10):
        cues.insert(at, {"pause": 0.04})
    widget = shop.opened()
    widget.js("window.wrong = []; addEventListener('error', event => wrong.push(event.message))")
    widget.ask(script(*cues))
    widget.ask(script({"burst": pieces}))
    assert widget.js("[wrong, window.hacked === undefined]") == [[], True]
    assert widget.js(UNSAFE) == []
    streamed, whole = widget.js(f"{TEXTS}.slice(-2).map(each => each.innerHTML)")
    assert streamed == whole
