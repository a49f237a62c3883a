"""Pages of sites as their builders write them: what is their text, and what a crawler gets to know of them."""

import pytest

from app.knowledge.reading.html import page, read


def shown(body: str, head: str = "", url: str = "https://tea.example/shop/page.html") -> str:
    return page(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode(), "utf-8", url).markdown


def test_headings_paragraphs_and_lists_become_markdown() -> None:
    teas = "<ul><li>Green<ul><li>Sencha</li></ul></li><li>Black</li></ul>"
    body = f"<h1>Shop</h1><p>Open <b>daily</b>.</p><h2>Teas</h2>{teas}"
    assert shown(body) == "# Shop\n\nOpen **daily**.\n\n## Teas\n\n- Green\n  - Sencha\n- Black"


@pytest.mark.parametrize(
    "frame",
    [
        "<nav><a href='/'>MENU</a></nav>",
        "<header><a href='/'>MENU</a> <a href='/a'>MENU</a> <a href='/b'>MENU</a></header>",
        "<footer>MENU, all rights reserved</footer>",
        "<aside>MENU</aside>",
        "<div role='navigation'>MENU</div>",
        "<div role='dialog'>MENU</div>",
        "<div id='cookie-notice'>We use cookies: MENU</div>",
        "<div id='CybotCookiebotDialog'>MENU</div>",
        "<div class='cmplz-cookiebanner'>MENU</div>",
        "<div id='footer'>MENU</div>",
        "<div class='site-header'><p>MENU</p></div>",
        "<ul class='main-menu'><li><a href='/'>MENU</a><li><a href='/a'>MENU</a><li><a href='/b'>MENU</a></ul>",
        "<a class='skip-link' href='#content'>MENU</a>",
        "<form action='/search'><label>MENU</label><input name='q'></form>",
        "<script>MENU</script>",
        "<style>MENU {}</style>",
        "<noscript>MENU</noscript>",
        "<template>MENU</template>",
        "<svg><title>MENU</title></svg>",
        "<p hidden>MENU</p>",
        "<div style='display: none'>MENU</div>",
        "<!-- MENU -->",
        "<button>MENU</button>",
        "<select><option>MENU</option></select>",
        "<i class='material-icons' aria-hidden='true'>MENU</i>",
    ],
)
def test_what_stands_around_the_text_is_left_out(frame) -> None:
    text = "<p>We sell tea, and send it to you within three days.</p>"
    assert shown(f"{frame}<div>{text}</div>{frame}") == "We sell tea, and send it to you within three days."


@pytest.mark.parametrize(
    "body",
    [
        "<main>{}</main><div>Elsewhere</div>",
        "<div role='main'>{}</div><div>Elsewhere</div>",
        "<article>{}</article><div>Elsewhere</div>",
        "<form id='aspnetForm'><h1></h1>{}</form>",
        "<div class='header'></div><div id='content'>{}</div>",
        "<main><aside class='starlight-aside'>{}</aside></main>",
        "<main><article><header>{}</header></article></main>",
        "<main></main><div>{}</div>",
        "<table role='presentation'><tr><td>{}</td></tr></table>",
        "<div class='menu'><p>{}</p></div>",
        "<div class='product-cookies'>{}</div>",
    ],
)
def test_the_main_text_is_found_wherever_a_builder_puts_it(body) -> None:
    text = "Green tea costs 4.90 € for 100 g, and nothing for those who are here on a Sunday."
    assert shown(body.format(text)) == text


@pytest.mark.parametrize(
    "item",
    [
        "<details><summary>How long?</summary><div>Three days.</div></details>",
        "<details><summary><h3>How long?</h3></summary><p>Three days.</p></details>",
        """<h3><button class="accordion-button collapsed" data-bs-target="#c1" aria-expanded="false">How long?</button>
        </h3><div id="c1" class="accordion-collapse collapse"><div>Three days.</div></div>""",
        """<div class="tab" role="button" aria-controls="c2" aria-expanded="false"><a>How long?</a></div>
        <div id="c2" role="region" style="display:none">Three days.</div>""",
        '<button class="accordion">How long?</button><div class="panel" hidden>Three days.</div>',
        """<h4 class="panel-title"><a data-toggle="collapse" href="#c3">How long?</a></h4>
        <div id="c3" aria-hidden="true" style="display:none">Three days.</div>""",
        """<div role="tablist"><button role="tab" id="t1">How long?</button></div>
        <div role="tabpanel" aria-labelledby="t1" hidden>Three days.</div>""",
    ],
)
def test_a_question_that_opens_its_answer_becomes_its_heading(item) -> None:
    document = read(f"<h1>Help</h1><h2>Parcels</h2>{item}".encode(), "help.html")
    assert [(each.headings, each.text) for each in document.sections] == [(("Parcels", "How long?"), "Three days.")]


def test_what_is_said_of_a_term_stays_with_it() -> None:
    assert shown("<dl><dt>Parcel</dt><dd>4.90 €</dd><dt>Free?</dt><dd>From 50 €</dd></dl>") == (
        "Parcel:\n4.90 €\n\nFree?\nFrom 50 €"
    )


def test_each_row_of_a_table_says_all_of_itself() -> None:
    table = """<table><caption>Prices</caption><thead><tr><th>Tea<th>100 g<th>200 g</thead>
      <tr><td rowspan=2>Assam<td>5 €<td>9&nbsp;€<tr><td colspan=2>a|b<br>c<tr><td>Mint<td><ul><li>x<li>y</ul></table>"""
    assert shown(table).splitlines() == [
        "Prices",
        "",
        "| Tea | 100 g | 200 g |",
        "| --- | --- | --- |",
        "| Assam | 5 € | 9 € |",
        r"| Assam | a\|b c | a\|b c |",
        "| Mint | x; y |  |",
    ]


def test_a_table_without_a_header_gets_an_empty_one() -> None:
    table = "<table><tr><td>Assam<td>5 €<tr><td>Mint<td>4 €</table>"
    assert shown(table).splitlines() == ["|  |  |", "| --- | --- |", "| Assam | 5 € |", "| Mint | 4 € |"]


@pytest.mark.parametrize(
    ("price", "read_as"),
    [
        ("10<sup>99</sup> €", "10⁹⁹ €"),
        ("<del aria-hidden=true>12&nbsp;€</del> <ins aria-hidden=true>9&nbsp;€</ins>", "~~12 €~~ 9 €"),
        ("5,90 €* <small>*incl. VAT</small>", "5,90 €* *incl. VAT"),
        ("CO<sub>2</sub> by Ver&shy;sand", "CO₂ by Versand"),
        ("<ruby>茶<rp>(</rp><rt>ちゃ</rt><rp>)</rp></ruby>", "茶"),
        ("a_b_c@tea.example", "a_b_c@tea.example"),
        ("<img src=x alt='PayPal'><img src=y alt=Visa>", "PayPal Visa"),
        ("x &lt;b&gt; y &lt;!-- z --&gt;", "x &lt;b> y &lt;!-- z -->"),
        ("# 1 in tea", r"\# 1 in tea"),
        ("<del>5 €</del> <span class=screen-reader-text>Was: 5 €</span><ins>4 €</ins>", "~~5 €~~ Was: 5 € 4 €"),
    ],
)
def test_prices_and_words_stay_what_they_are(price, read_as) -> None:
    assert shown(f"<p>{price}</p>") == read_as


@pytest.mark.parametrize(
    ("link", "read_as"),
    [
        ("<a href='../order'>Order</a>", "[Order](https://tea.example/order)"),
        ("<a href='https://x.example/a b(c)'>Order</a>", "[Order](https://x.example/a%20b%28c%29)"),
        ("<a href='#top'>Order</a>", "Order"),
        ("<a href='javascript:void(0)'>Order</a>", "Order"),
        ("<a href='mailto:us@tea.example'>Write us</a>", "[Write us](mailto:us@tea.example)"),
        ("<a href='mailto:us@tea.example'>us@tea.example</a>", "us@tea.example"),
        ("<a href='tel:+49123'>+49 123</a>", "+49 123"),
        ("<a href='tel:+49123'>Call us</a>", "Call us +49123"),
        ("<a href='/a'><div>A</div><div>B</div></a>", "A\n\nB"),
        ("<a href='/a'><img src=x></a>", ""),
        ("<a href='http://[bad'>Order</a>", "Order"),
        (
            "<a href='https://www.google.com/url?q=https://x.example/a?b%3D1&amp;sa=D'>A</a>",
            "[A](https://x.example/a?b=1)",
        ),
    ],
)
def test_links_lead_where_they_led_or_are_words(link, read_as) -> None:
    assert shown(link) == read_as


def test_headings_keep_their_ids_which_are_anchors() -> None:
    body = '<h1>Shop</h1><h2 id="a">A<a class="headerlink" href="#a">¶</a></h2>x<h2><a name="b"></a>B</h2>y'
    assert shown(body) == "# Shop\n\n## A {#a}\n\nx\n\n## B {#b}\n\ny"
    document = read(f'<link rel="canonical" href="https://tea.example/x">{body}'.encode(), "x.html")
    assert [(each.headings, each.anchor) for each in document.sections] == [(("A",), "#a"), (("B",), "#b")]
    assert document.url == "https://tea.example/x"


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Delivery \u2013 Tea house</title><meta property='og:site_name' content='Tea house'>", "", "Delivery"),
        ("<title>Tea house | Delivery</title><meta property='og:site_name' content='Tea House'>", "", "Delivery"),
        ("<title>Delivery - fast</title>", "", "Delivery - fast"),
        ("<title>T</title><meta property='og:title' content='Delivery'>", "", "Delivery"),
        ("<title>T</title>", "<header><h1>Tea house</h1></header><main><h1>Delivery</h1>x</main>", "Delivery"),
        ("<title>T</title>", "<h1><a href='/'><img src=x></a></h1><p>x", "T"),
        ("", "<h1>De&shy;livery <a href='#x'>#</a></h1>", "Delivery"),
        ("", "x", ""),
        ("<title>T</title>", "<h1>One</h1>x<h1>Two</h1>y", "T"),
        ("", "<h1>One</h1>x<h1>Two</h1>y", "One"),
        ("<title>T</title>", "<p class=MsoTitle>House rules</p><h1>One</h1>x", "House rules"),
    ],
)
def test_the_title_is_the_heading_or_else_what_the_page_calls_itself(head, body, title) -> None:
    assert page(f"<html><head>{head}</head><body>{body}</body></html>".encode(), None, "").title == title


def test_a_crawler_gets_links_language_address_and_wishes() -> None:
    found = page(
        b"""<html lang="de-AT"><head><meta name="Robots" content="NOINDEX, follow"><link rel="canonical" href="/c">
        <body><nav><a href="/a#x">A</a><a href="b?c=1">B</a></nav><main>x<a href="/a">A</a><a href="mailto:x@y">M</a>
        <a rel="nofollow" href="/basket">Basket</a><a href="https://other.example">O</a></main></body></html>""",
        None,
        "https://tea.example/shop/",
    )
    links = ("https://tea.example/a", "https://tea.example/shop/b?c=1", "https://other.example")
    assert (found.language, found.canonical, found.noindex, found.links) == (
        "de-AT",
        "https://tea.example/c",
        True,
        links,
    )
    assert page(b'<meta name="robots" content="none"><a href="https://a.example">A</a>', None, "").links == ()


def test_links_start_at_the_pages_base() -> None:
    assert shown("<a href='a'>A</a>", "<base href='/deep/'>") == "[A](https://tea.example/deep/a)"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("<p>Grüße für 5 €</p>".encode("cp1252"), "iso-8859-1"),
        ('<meta charset="windows-1252"><p>Grüße für 5 €</p>'.encode("cp1252"), None),
        ('<meta charset="windows-1252"><p>Grüße für 5 €</p>'.encode(), "utf-8"),
        ('<?xml version="1.0" encoding="utf-8"?><html><p>Grüße für 5 €</p></html>'.encode(), "no-such-charset"),
        ("<p>Grüße für 5 €</p>".encode("utf-16"), "utf-8"),
    ],
)
def test_the_encoding_is_the_servers_the_pages_or_recognised(data, charset) -> None:
    assert page(data, charset, "").markdown == "Grüße für 5 €"


@pytest.mark.parametrize("depth", [90, 500, 3_000])
def test_what_is_nested_without_end_loses_no_text(depth) -> None:
    found = page(b"<p>before</p>" + b"<div><b>" * depth + b"deep" + b"<p>after</p>", None, "").markdown
    assert [word for word in ("before", "deep", "after") if word not in found] == []


def test_what_word_and_google_docs_export_reads_as_it_was_written() -> None:
    word = """<p class=MsoTitle>Rules</p><h1><a name="_Toc1"></a>Hours</h1><p class=MsoNormal>From nine.<o:p></o:p></p>
    <p class=MsoListParagraphCxSpFirst><![if !supportLists]><span style='font-family:Symbol'>·<span>&nbsp;&nbsp; </span>
    </span><![endif]>First</p><!--[if gte mso 9]><xml>hidden</xml><![endif]--><h1>More</h1><p>x</p>"""
    document = read(word.encode(), "word.html")
    assert document.title == "Rules"
    assert [(each.headings, each.text, each.anchor) for each in document.sections] == [
        (("Hours",), "From nine.\n\n- First", "#_Toc1"),
        (("More",), "x", ""),
    ]
    google = """<body class="c1 doc-content"><p class="c2 title" id="h.a"><span>Rules</span></p><h1 id="h.b">Hours</h1>
    <p><span>From nine.</span></p></body>"""
    assert [(each.headings, each.text) for each in read(google.encode(), "g.html").sections] == [
        (("Hours",), "From nine.")
    ]


def test_tabs_are_headings_of_one_level() -> None:
    tabs = """<ul role="tablist"><li><a role="tab" id="a" href="#x">About</a><li><a role="tab" id="b">Sent</a></ul>
    <div role="tabpanel" aria-labelledby="a"><h2>About</h2><p>Tea.</p></div>
    <div role="tabpanel" aria-labelledby="b" style="display:none"><p>In three days.</p></div>"""
    sections = read(f"<h1>Assam</h1>{tabs}".encode(), "a.html").sections
    assert [(each.headings, each.text) for each in sections] == [(("About",), "Tea."), (("Sent",), "In three days.")]


def test_the_file_of_a_page_is_read_as_one() -> None:
    document = read(b"<title>Tee</title><p>Ein &amp; zwei</p>", "a.html")
    assert (document.title, [each.text for each in document.sections]) == ("Tee", ["Ein & zwei"])
