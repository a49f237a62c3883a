"""Numbers in the chat widget's right-to-left text, as they are seen: from left to right, and in one piece."""

from collections.abc import Iterable, Iterator

import pytest
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import script

# ruff: noqa: RUF001

LAST = f"[...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop()"
SEEN = f"""[...{LAST}.children].map(paragraph => {{
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  const letters = [];
  for (let node; (node = walker.nextNode()); ) {{
    for (let at = 0; at < node.length; at++) {{
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      letters.push([range.getBoundingClientRect().left, node.data[at]]);
    }}
  }}
  letters.sort((one, other) => one[0] - other[0]);
  return letters.map(each => each[1]).join('').replace(/[\\u00a0\\u202f]/g, ' ');
}})"""
"""The letters of each of the last answer's paragraphs, of one line, from left to right as they stand in the window."""

AMOUNTS = [
    "+49 30 1234567", "+49 (0)30 123-456", "(030) 123-45 67", "030/1234567", "877-689-7645", "00971 4 123 4567",
    "12,50 €", "€ 12,50", "1 234,50 €", "1\u202f234,50\u00a0€", "1'234.50 CHF", "-5 %", "−5,5", "+3", "$5.00",
    "5 EUR", "12,50 ₪", "2026-11-29", "29.11.2026", "29/11/2026", "09:00", "٠٣٠ ١٢٣ ٤٥٦", "+٩٧١ ٤ ١٢٣",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("numbers"), server, browser) as made:
        yield made


@pytest.fixture(scope="module")
def widget(shop) -> Widget:
    (shop.folder / "wide.css").write_text("parlance-chat { --parlance-width: 780px }")
    return shop.opened(head='<link rel="stylesheet" href="wide.css">', data_lang="ar")


def seen(widget: Widget, texts: Iterable[str]) -> list[str]:
    widget.ask(script(*({"text": f"{each}\n\n"} for each in texts)))
    return widget.js(SEEN)


@pytest.mark.parametrize("around", ["السعر {} فقط", "שלום {} לכם", "شاي Sencha **{}** اليوم"])
def test_an_amount_or_a_telephone_number_is_read_as_it_is_written(widget, around) -> None:
    found = seen(widget, [around.format(each) for each in AMOUNTS])
    written = [each.replace("\u202f", " ").replace("\u00a0", " ") for each in AMOUNTS]
    assert [(each, line) for each, line in zip(written, found, strict=True) if each not in line] == []


def test_an_address_is_read_as_it_is_written(widget) -> None:
    addresses = ("info@shop.example", "https://shop.example/", "www.shop.example")
    found = seen(widget, [f"اكتب إلى {each}، شكرا" for each in addresses])
    assert [(each, line) for each, line in zip(addresses, found, strict=True) if each not in line] == []


def test_a_range_goes_the_way_of_the_language(widget) -> None:
    one, other = seen(widget, ["من 10–12 يوميا", "من 09:00 – 18:00 يوميا"])
    assert "12–10" in one
    assert "18:00 – 09:00" in other


def test_a_text_that_begins_with_an_address_or_a_price_is_right_to_left_still(widget) -> None:
    seen(widget, ["https://shop.example/ هذا موقعنا", "12 EUR هو السعر", "[الأسعار](/prices)"])
    assert widget.js(f"[...{LAST}.children].map(each => getComputedStyle(each).direction)") == ["rtl"] * 3


def test_text_from_left_to_right_is_left_alone(widget) -> None:
    seen(widget, ["Call +49 30 1234567 about the 12,50 €."])
    assert widget.js(f"{LAST}.querySelector('bdi')") is None


def test_what_visitors_write_is_read_as_they_wrote_it(widget) -> None:
    widget.ask("اتصل بي على +49 30 1234567 من فضلك")
    found = widget.js(f"[...{ROOT}.querySelectorAll('.user')].pop().querySelector('bdi').textContent")
    assert found == "+49 30 1234567"
