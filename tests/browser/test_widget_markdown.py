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
ELEMENTS |= {"b", "bdi", "del", "i", "kbd", "mark", "s", "sub", "sup", "u"}
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
    assert set(schemes) <= {"http:", "https:", "mailto:", "tel:"}
    assert widget.js("window.hacked === undefined")


def link(href: str, label: str) -> str:
    return f'<a href="{href}" {LINK}>{label}</a>'


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
        ("[a](https://x.example 't') [b](<https://x.example/b> (t))",
         f"<p>{link('https://x.example/', 'a')} {link('https://x.example/b', 'b')}</p>"),
        ("[[1]](https://x.example/1) [a\\]b](https://x.example/2)",
         f"<p>{link('https://x.example/1', '[1]')} {link('https://x.example/2', 'a]b')}</p>"),
        ("[![a cat](https://x.example/cat.png)](https://x.example/l)",
         f"<p>{link('https://x.example/l', 'a cat')}</p>"),
        ("~~20 €~~ 15 €, ~5 to ~6", "<p><del>20 €</del> 15 €, ~5 to ~6</p>"),
        ("H<sub>2</sub>O, <b>bold *it*</b> <B>x</B> <kbd>Q</kbd><!-- not\nthis --> a<br>b<br/>c<BR />d",
         "<p>H<sub>2</sub>O, <b>bold <em>it</em></b> <b>x</b> <kbd>Q</kbd> a<br>b<br>c<br>d</p>"),
        ("One</br>two <a href='https://x.example/?a&amp;b' onclick=\"hacked=1\">*it*</a> <a>no</a>",
         f"<p>One<br>two {link('https://x.example/?a&amp;b', '<em>it</em>')} &lt;a&gt;no&lt;/a&gt;</p>"),
        ("$x$, $a_1^2$; $5 and $10, $5/$10, $A_B/$C_D",
         "<p><code>x</code>, <code>a_1^2</code>; $5 and $10, $5/$10, $A_B/$C_D</p>"),
        ("[a](https://x.example/a b.pdf) [no](see below)",
         f"<p>{link('https://x.example/a%20b.pdf', 'a')} [no](see below)</p>"),
        ("##标题\n#tag", '<h3 class="large">标题</h3><p>#tag</p>'),
        ("- a\n\t- b\n\t\t- c", "<ul><li>a<ul><li>b<ul><li>c</li></ul></li></ul></li></ul>"),
        ("<!-- nothing -->\n\na", "<!----><p>a</p>"),
        ("Inline \\(x^2\\), \\[y=1\\] and $$a_1 * b_1$$",
         "<p>Inline <code>x^2</code>, <code>y=1</code> and <code>a_1 * b_1</code></p>"),
        ("\\(optional\\) \\(2023\\) \\[no link\\] $5 and $10", "<p>(optional) (2023) [no link] $5 and $10</p>"),
        ("One\\\ntwo  \nthree", "<p>One<br>two<br>three</p>"),
        ("Big\n===\nText.\n\nLess\n---\nA sentence.\n---\nb",
         '<h3 class="large">Big</h3><p>Text.</p><h3 class="large">Less</h3><p>A sentence.</p><hr><p>b</p>'),
        ("## A ##", '<h3 class="large">A</h3>'),
        ("- [ ] a\n- [x] b\n\n\n- c", '<ul><li class="task">☐ a</li><li class="task">☑ b</li><li>c</li></ul>'),
        ("1. a\n\n   - b\n\n2. c", '<ol start="1"><li>a<ul><li>b</li></ul></li><li>c</li></ol>'),
        ('See [the docs][1], [Docs] and [x][none].[^2]\n\n[1]: https://x.example/1 "T"\n[docs]: </d>\n[Note]: hello',
         (f"<p>See {link('https://x.example/1', 'the docs')}, {link('{home}/d', 'Docs')} and [x][none].<sup>2</sup></p>"
          "<!----><!----><p>[Note]: hello</p>")),
        ("[unused]: https://x.example/u", f"<p>[unused]: {link('https://x.example/u', 'https://x.example/u')}</p>"),
        ("```one``` line", "<p><code>one</code> line</p>"),
        ("a | b", "<p>a | b</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown_is_shown_as_what_it_means(widget, shop, text, html) -> None:
    assert shown(widget, text) == html.replace("{home}", shop.origin)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("5&nbsp;km, Tom &amp; Jerry, a &lt; b", "5\u00a0km, Tom & Jerry, a < b"),
        ("&quot;&#39;&apos;&#8364;&#x20AC;&euro;&hellip;&Uuml;&ouml;&alpha;&Omega;&rarr;", "\"''€€€…ÜöαΩ→"),
        ("&amp;lt;b&amp;gt; &amp;amp; \\&amp;", "&lt;b&gt; &amp; &amp;"),
        ("&lt;script&gt;hacked = 1&lt;/script&gt; &#60;img src=x onerror=hacked=1&#62;",
         "<script>hacked = 1</script> <img src=x onerror=hacked=1>"),
        ("&#42;&#42;plain&#42;&#42; &#91;a&#93;(https:)", "**plain** [a](https:)"),
        ("&copy &nothing; &; &#; &#x; AT&T &#0;&#xD800;&#x110000;", "&copy &nothing; &; &#; &#x; AT&T ���"),
        ("`&amp;` &constructor; &toString;", "&amp; &constructor; &toString;"),
    ],
)  # fmt: skip
def test_characters_by_their_names_are_read_once_and_never_as_markup(widget, text, read) -> None:
    shown(widget, text)
    assert widget.js(f"{LAST}.textContent") == read


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("~~~py\nx = 1\n~~~", "x = 1"),
        ("Text\n\n    one\n\n      two\n\nmore", "one\n\n  two"),
        ("1. Run\n\n      ```sh\n      ls\n        -l\n      ```\n2. Done", "ls\n  -l"),
        ("      ```\n      ls\n      ```", "ls"),
        ("````md\n```\nx\n```\n````", "```\nx\n```"),
    ],
)
def test_code_is_found_however_it_is_marked(widget, text, code) -> None:
    shown(widget, text)
    assert widget.js(f"[...{LAST}.querySelectorAll('pre')].map(each => each.textContent)") == [code]


def test_a_table_without_a_header_has_no_empty_row(widget) -> None:
    html = shown(widget, "|  |  |\n", "| --- | --- |\n| Monday | 9 to 5 |\n")
    row = "<tr><td>Monday</td><td>9 to 5</td></tr>"
    assert html == f'<div class="table" tabindex="0"><table><tbody>{row}</tbody></table></div>'


def test_a_table_is_one_while_it_is_written_and_when_it_is_done(widget) -> None:
    html = shown(widget, "| a | b\\|c |\n", "|:--|--:|\n", "| 1 | **2**<br>2 |", "\n| 3 |\n\nend")
    head = '<thead><tr><th>a</th><th class="ending">b|c</th></tr></thead>'
    first = '<tr><td>1</td><td class="ending"><strong>2</strong><br>2</td></tr>'
    body = f'<tbody>{first}<tr><td>3</td><td class="ending"></td></tr></tbody>'
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
        "[a](tel:*%2306%23) [b](tel:hacked) [c](&#106;avascript:hacked=1) [d](jav&#x09;ascript:hacked=1)",
        "[a][x] [b][y] [y]\n\n[x]: javascript:hacked=1\n[y]: <javascript:hacked=1>",
        "<a href='javascript:hacked=1'>a</a> <a href=\"data:text/html,x\" href='/x'><script>hacked=1</script></a>",
        "<a href='https://x.example'><a href='/x'>[a](https://x.example)</a></a> [<a href='/x'>a</a>](/y)",
        "<b onclick=hacked=1>a</b> <ul><li onclick=hacked=1><script>hacked=1</script></li></ul> <sub><img src=x></sub>",
        "<br onclick=hacked=1><!--><script>hacked=1</script>--><b><script>hacked=1</script></b>&lt;script&gt;hacked=1",
        "\\(<script>x_1</script>\\) $$<img src=x onerror=hacked=1>_$$ ~~<svg onload=hacked=1>~~ x@x.example<script>",
        "[a](\\\\x.example/<b>) [b](blob:https://x.example/1) [c](about:blank) [d](view-source:x) [e](intent://x#Intent;end)",
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
        ("\\(", 9000), ("<!--", 5000), ("<ul>", 4000), ("<b>", 6000), ("a@", 9000), ("www.a", 4000),
        ("https://x,", 2000),
        ("[a[b]", 4000), ("[a][", 5000), ("[a]: /x\n", 3000), ("a\n===\n", 4000), ("https://x/日", 1500),
        ("<a href=", 2000), ("$a", 9000), ("[a](/ ", 3000), ("&#", 9000),
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
