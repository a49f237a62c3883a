"""Answers in the chat widget: Markdown becomes elements of a whitelist, and nothing else, however hostile."""

import time
from collections.abc import Iterator

import pytest
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import script

pytestmark = pytest.mark.timed(tries=1)

LAST = f"[...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop()"
ELEMENTS = {"p", "br", "strong", "em", "code", "h3", "ul", "ol", "li", "blockquote", "hr", "a", "img"}
ELEMENTS |= {"div", "span", "button", "pre", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"dir", "class", "start", "href", "target", "rel", "tabindex", "type"}
LINK = 'target="_blank" rel="noopener nofollow noreferrer"'


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "one.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    with site(folder, server, browser) as made:
        yield made


@pytest.fixture(scope="module")
def widget(shop) -> Widget:
    return shop.opened()


def shown(widget: Widget, *texts: str) -> str:
    """The answer's HTML, without the direction that every block has, and that it is of the whitelist."""
    widget.ask(script(*({"text": text} for text in texts)))
    inert(widget)
    return widget.js(f"{LAST}.innerHTML").replace(' dir="auto"', "").replace(' dir="ltr"', "")


def inert(widget: Widget) -> None:
    """The last answer is made of nothing but what may be in it."""
    elements = f"[...{LAST}.querySelectorAll('*')]"
    assert set(widget.js(f"[...new Set({elements}.map(each => each.localName))]")) <= ELEMENTS
    assert set(widget.js(f"[...new Set({elements}.flatMap(each => each.getAttributeNames()))]")) <= ATTRIBUTES
    schemes = widget.js(f"[...{LAST}.querySelectorAll('a')].map(each => each.protocol)")
    assert set(schemes) <= {"http:", "https:", "mailto:"}
    assert widget.js("window.hacked === undefined")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One\ntwo\n\nthree", "<p>One<br>two</p><p>three</p>"),
        ("**bold** *it* __b__ _i_", "<p><strong>bold</strong> <em>it</em> <strong>b</strong> <em>i</em></p>"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("***both***", "<p><strong><em>both</em></strong></p>"),
        ("snake_case_name, 2 * 3 * 4, \\*plain\\*", "<p>snake_case_name, 2 * 3 * 4, *plain*</p>"),
        ("`a **b** <i>` and `` c`d ``", "<p><code>a **b** &lt;i&gt;</code> and <code>c`d</code></p>"),
        ("# A\n### B", '<h3 class="large">A</h3><h3 class="">B</h3>'),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("- a\n\n1. x\n2. y", '<ul><li>a</li></ul><ol start="1"><li>x</li><li>y</li></ol>'),
        ("3) a\n\n   more\n4) b", '<ol start="3"><li>a<p>more</p></li><li>b</li></ol>'),
        ("> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"),
        ("a\n\n---\nb", "<p>a</p><hr><p>b</p>"),
        ("[a *b*](https://x.example/?q&r)", f'<p><a href="https://x.example/?q&amp;r" {LINK}>a <em>b</em></a></p>'),
        ("https://x.example/a_b_c.", f'<p><a href="https://x.example/a_b_c" {LINK}>https://x.example/a_b_c</a>.</p>'),
        ("[https://x.example](https://y.example)", f'<p><a href="https://y.example/" {LINK}>https://x.example</a></p>'),
        ("[a](https://x.example/a_(b))", f'<p><a href="https://x.example/a_(b)" {LINK}>a</a></p>'),
        ("([a](https://x.example/(b)c))", f'<p>(<a href="https://x.example/(b)c" {LINK}>a</a>)</p>'),
        ("[c](<https://x.example/1 2>)", f'<p><a href="https://x.example/1%202" {LINK}>c</a></p>'),
        ("(https://x.example/a_(b))", f'<p>(<a href="https://x.example/a_(b)" {LINK}>https://x.example/a_(b)</a>)</p>'),
        ("(https://x.example/a).", f'<p>(<a href="https://x.example/a" {LINK}>https://x.example/a</a>).</p>'),
        ("<mailto:a@x.example>", f'<p><a href="mailto:a@x.example" {LINK}>mailto:a@x.example</a></p>'),
        ("![a cat](https://x.example/cat.png)", f'<p><a href="https://x.example/cat.png" {LINK}>a cat</a></p>'),
        ("a | b", "<p>a | b</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown_is_shown_as_what_it_means(widget, text, html) -> None:
    assert shown(widget, text) == html


def test_a_table_is_one_while_it_is_written_and_when_it_is_done(widget) -> None:
    html = shown(widget, "| a | b\\|c |\n", "|:--|--:|\n", "| 1 | **2** |", "\n| 3 |\n\nend")
    head = "<thead><tr><th>a</th><th>b|c</th></tr></thead>"
    body = "<tbody><tr><td>1</td><td><strong>2</strong></td></tr><tr><td>3</td><td></td></tr></tbody>"
    assert html == f'<div class="table" tabindex="0"><table>{head}{body}</table></div><p>end</p>'


def test_code_is_shown_as_it_stands_and_can_be_copied(widget) -> None:
    html = shown(widget, "```js\nlet a = `<b>`;\n\n# **no**\n```\nafter")
    assert '<pre tabindex="0"><code>let a = `&lt;b&gt;`;\n\n# **no**</code></pre></div><p>after</p>' in html
    widget.js(f"{LAST}.querySelector('.copy').scrollIntoView(); window.copied = 0")
    widget.js("document.addEventListener('copy', () => { copied++ })")
    widget.js("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    widget.click(".bot:last-child .copy")
    widget.until(f"{LAST}.querySelector('.copy').innerText === 'Copied'")
    assert widget.js("copied") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<script>hacked = 1</script>",
        "<img src=x onerror='hacked=1'><svg onload=hacked=1><iframe srcdoc='<script>hacked=1</script>'>",
        "[a](javascript:hacked=1) [b](JaVaScRiPt:hacked=1) [c](java\tscript:hacked=1) [d](\x01javascript:hacked=1)",
        "[a](data:text/html,<script>hacked=1</script>) [b](vbscript:x) [c](file:///etc) [d](//x.example) [e](/chat)",
        "<javascript:hacked=1> <data:text/html,x>",
        "[a](<javascript:hacked=1>) [b](<java\tscript:hacked=1>) ![c](<data:image/svg+xml,x>) [d](javascript:alert(1))",
        "![a](javascript:hacked=1) ![b](data:image/svg+xml,<svg/onload=hacked=1>)",
        '[a](https://x.example" onclick="hacked=1) [b](https://x.example "t\\" onmouseover=hacked=1 ")',
        "[a](https://x.example/'onclick='hacked=1) ![x\" onerror=\"hacked=1](https://x.example/y.png)",
        "<style>* { display: none }</style> <p style='position:fixed'> <div class='panel'>",
        '```"><script>hacked=1</script>\nx\n```',
        "| <img src=x onerror=hacked=1> |\n|---|\n| [x](javascript:hacked=1) |",
        "- <script>hacked=1</script>\n> <script>hacked=1</script>\n# <script>hacked=1</script>",
    ],
)  # fmt: skip
def test_what_is_hostile_is_shown_as_text(widget, text) -> None:
    shown(widget, text)
    widget.js(f"{LAST}.querySelectorAll('*').forEach(each => each.dispatchEvent(new MouseEvent('mouseover')))")
    inert(widget)


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("> ", 1000), ("- ", 1000), ("  - a\n", 10000), ("| a | b |\n", 10000), ("|", 20000), ("**a ", 10000),
        ("[", 20000), ("[a](", 10000), ("`", 20000), ("_a", 20000), ("![", 20000), ("# ", 10000), ("\n", 20000),
        ("*a **b ", 5000), ("https://", 5000), ("(((", 5000), ("[a](x(y)", 2500), ("https://x(y)(", 1500),
        ("[a](<", 4000), (" ", 20000), ("```\n", 10000), ("\\", 20000),
    ],
)  # fmt: skip
def test_what_is_huge_is_shown_at_once(shop, unit, times) -> None:
    widget = shop.opened()
    widget.js("""
        window.longest = 0;
        let last = performance.now();
        setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now() }, 10);
    """)
    started = time.monotonic()
    widget.ask(
        script({"burst": ["x\n\n", "| a | b |\n|---|---|\n"]}, {"text": unit, "times": times}, {"text": "\n\nend"})
    )
    assert time.monotonic() - started < 20
    assert widget.js("longest") < 3000, "milliseconds in which the page stood still"
    inert(widget)
    assert widget.js(f"{LAST}.querySelectorAll('tr').length") <= 101
    assert widget.js(f"{LAST}.textContent.slice(-3)") == "end"


def test_pictures_come_only_from_hosts_that_the_site_names(shop) -> None:
    widget = shop.opened(data_image_hosts=f"cdn.example {shop.origin.removeprefix('http://')}")
    html = f'<img alt="one" referrerpolicy="no-referrer" loading="lazy" src="{shop.origin}/one.svg">'
    widget.ask(script({"text": f"![one]({shop.origin}/one.svg) ![two](https://x.example/two.png)"}))
    assert html in widget.js(f"{LAST}.innerHTML")
    widget.until(f"{LAST}.querySelector('img').naturalWidth === 9")
    assert widget.js(f"{LAST}.querySelectorAll('img').length") == 1
