"""Addresses in the chat widget's answers: where one ends that stands in prose, and where links lead."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import script

pytestmark = pytest.mark.timed(tries=1)

X = "https://x.example"
PARAGRAPHS = f"[...[...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop().children]"

# ruff: noqa: RUF001

# Languages whose punctuation, or prose, follows an address without a space. Each: a text, and where its links lead.
PROSE = [
    (f"Siehe „{X}/a“ und ‚{X}/b‘.", [f"{X}/a", f"{X}/b"]),
    (f"Siehe „{X}/a.“ Oder «{X}/b» (hier: {X}/c!), „{X}/straße/grün.html“.",
     [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/straße/grün.html"]),
    (f"Voir «\u202f{X}/a\u202f», « {X}/b » et {X}/c\u202f; {X}/d\u00a0: {X}/e\u202f!",
     [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d", f"{X}/e"]),
    (f"Conoce «{X}/a.» y “{X}/b.”, ‘{X}/c’…", [f"{X}/a", f"{X}/b", f"{X}/c"]),
    (f"Zobacz „{X}/a”. См. «{X}/b». Bkz. ‘{X}/c’", [f"{X}/a", f"{X}/b", f"{X}/c"]),
    (f"راجع ”{X}/a“ أو «{X}/b»… و({X}/c)؛ {X}/شاي؟", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/شاي"]),
    (f"{X}/a&rdquo; {X}/b&raquo; {X}/c&hellip; {X}/d&#8221; {X}/e&apos; {X}/f&mdash;so {X}/?a=1&amp;quote=2",
     [*(f"{X}/{name}" for name in "abcdef"), f"{X}/?a=1&quote=2"]),
    (f"{X}/a\u200f، \u2068{X}/b\u2069 {X}/c\u061c.", [f"{X}/a", f"{X}/b", f"{X}/c"]),
    (f"Siehe »{X}/a« oder ›{X}/b‹; auch {X}/c …", [f"{X}/a", f"{X}/b", f"{X}/c"]),
    (f"Véase «{X}/a». ¿{X}/b? ¡{X}/c!", [f"{X}/a", f"{X}/b", f"{X}/c"]),
    (f"See “{X}/a” — or ‘{X}/b’, {X}/c—now… and {X}/d…", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d"]),
    (f"{X}/a–{X}/b, the shop’s {X}/c’s, {X}/d‐{X}/e", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d", f"{X}/e"]),
    (f"انظر {X}/a، ثم {X}/b؟ و{X}/c؛ {X}/d۔", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d"]),
    (f"ראו {X}/a־ ״{X}/b״", [f"{X}/a", f"{X}/b"]),
    (f"देखें {X}/a। {X}/b॥", [f"{X}/a", f"{X}/b"]),
    (f"详见 {X}/docs。谢谢，{X}/b，{X}/c、{X}/d；", [f"{X}/docs", f"{X}/b", f"{X}/c", f"{X}/d"]),
    (f"见{X}/docs（中文说明）了解更多：{X}/b！《{X}/c》", [f"{X}/docs", f"{X}/b", f"{X}/c"]),
    (f"請看{X}/docs了解，【{X}/b】「{X}/c」『{X}/d』", [f"{X}/docs", f"{X}/b", f"{X}/c", f"{X}/d"]),
    (f"詳しくは{X}/をご覧ください。{X}/aを。{X}/b/から〜", [f"{X}/", f"{X}/a", f"{X}/b/"]),
    (f"{X}/docs에서 확인, {X}/b/를 보세요. www.x.example에", [f"{X}/docs", f"{X}/b/", "https://www.x.example/"]),
    (f"ดู{X}/docsครับ", [f"{X}/docs"]),
    (f"{X}/a→{X}/b 🎉{X}/c🎉 {X}/d™\u200b", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d"]),
    (f"'{X}/a','{X}/b' \"{X}/c\" `{X}/d` {X}/e\\", [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/e"]),
    (f"{X}/a,{X}/b;{X}/c&nbsp;{X}/d&lt;br&gt; {X}/?a=1&amp;b=2",
     [f"{X}/a", f"{X}/b", f"{X}/c", f"{X}/d", f"{X}/?a=1&b=2"]),
    (f"([see {X}/a]) {{{X}/b}} ({X}/c_(d)) **{X}/e** ~~{X}/f~~ _{X}/g_ *{X}/h*",
     [f"{X}/a", f"{X}/b", f"{X}/c_(d)", f"{X}/e", f"{X}/f", f"{X}/g", f"{X}/h"]),
    (f"{X}/a?b=c#d?! {X}/a[0]=1, {X}/a...b {X}/a\\_b_c {X}/{{id}}",
     [f"{X}/a?b=c#d", f"{X}/a[0]=1", f"{X}/a...b", f"{X}/a_b_c", f"{X}/%7Bid%7D"]),
    # What belongs to an address, in any script.
    (f"{X}/wiki/München {X}/wiki/Москва {X}/wiki/Paral·lel",
     [f"{X}/wiki/München", f"{X}/wiki/Москва", f"{X}/wiki/Paral·lel"]),
    (f"{X}/wiki/北京。{X}/製品/一覧 {X}/wiki/서울 {X}/?q=東京&b=1 {X}/wiki/レオナルド・ダ",
     [f"{X}/wiki/北京", f"{X}/製品/一覧", f"{X}/wiki/서울", f"{X}/?q=東京&b=1", f"{X}/wiki/レオナルド・ダ"]),
    ("https://日本語.example/a https://münchen.example.", ["https://xn--wgv71a119e.example/a", "https://xn--mnchen-3ya.example/"]),
    # Without a scheme.
    ("(www.x.example/a), WWW.x.example. www. awww.x.example x.www.x.example @www.x.example",
     ["https://www.x.example/a", "https://www.x.example/"]),
    ("info@x.example, a.b+c@x.co.uk. 请发邮件到info@x.example。 mailto:d@x.example <e@x.example>",
     [f"mailto:{each}@{'x.co.uk' if '+' in each else 'x.example'}" for each in ("info", "a.b+c", "info", "d", "e")]),
    ("اكتب إلى info@x.example، وinfo@x.example؟", ["mailto:info@x.example"] * 2),
    ("jürgen@x.example git@x.example:a/b.git @a/b@1.0.0 a@b @a@x.example x@1.2 https:// http://… https://(", []),
]  # fmt: skip

# Each: a link's target, and where it leads; None where it is no link. The page is at /shop/books.
TARGETS = [
    ("/prices", "{home}/prices"),
    ("prices.html", "{home}/shop/prices.html"),
    ("../about", "{home}/about"),
    ("?page=2", "{home}/shop/books?page=2"),
    ("#top", "{home}/shop/books#top"),
    ("//x.example/a", "http://x.example/a"),
    ("www.x.example", "https://www.x.example/"),
    ("x.example/prices", "https://x.example/prices"),
    ("info@x.example", "mailto:info@x.example"),
    ("tel:+4930123456", "tel:+4930123456"),
    ("TEL:+49 (30) 123-456", "tel:+49(30)123-456"),
    ("<tel:+49 30 123>", "tel:+4930123"),
    ("tel:123;ext=4", "tel:123;ext=4"),
    ("tel:*%2306%23", None),
    ("tel:abc", None),
    ("sms:+4930123456", None),
    ("javascript:hacked=1", None),
    ("data:text/html,x", None),
    ("blob:x", None),
    ("file:///etc/passwd", None),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("shop"), server, browser) as made:
        yield made


def links(widget: Widget, paragraphs: list[str]) -> list[list[str]]:
    """Where the links of each paragraph lead."""
    widget.ask(script(*({"text": f"{each}\n\n"} for each in paragraphs)))
    return widget.js(f"{PARAGRAPHS}.map(each => [...each.querySelectorAll('a')].map(link => link.href))")


def test_an_address_ends_where_the_prose_goes_on(shop) -> None:
    found = links(shop.opened(), [text for text, _ in PROSE])
    expected = [(text, [quote(each, safe=":/?#[]@!$&'()*+,;=%-._~") for each in ends]) for text, ends in PROSE]
    assert list(zip((text for text, _ in PROSE), found, strict=True)) == expected


def test_what_is_no_part_of_an_address_stays_in_the_text(shop) -> None:
    widget = shop.opened()
    texts = [text for text, _ in PROSE if not set(text) & set("*_~&`<\\")]
    links(widget, texts)
    assert widget.js(f"{PARAGRAPHS}.map(each => each.textContent)") == texts


def test_links_lead_where_a_page_of_the_site_would_lead_and_nowhere_unsafe(shop) -> None:
    widget = shop.opened()
    widget.js("history.replaceState(null, '', '/shop/books')")
    found = links(widget, [f"[it]({target})" for target, _ in TARGETS])
    expected = [[href.format(home=shop.origin)] if href else [] for _, href in TARGETS]
    assert list(zip(TARGETS, found, strict=True)) == list(zip(TARGETS, expected, strict=True))


def test_an_address_grows_while_it_is_written(shop) -> None:
    widget = shop.opened()
    widget.send(script({"text": f"See {X}/a"}, {"pause": 30}))
    seen = f"{ROOT}.querySelector('.bot:last-child .text a')?.href"
    widget.until(f"{seen} === {json.dumps(f'{X}/a')}")
    widget.click(".send.stop")
