"""Numbers in the chat widget's right-to-left text, as they are seen: from left to right, and in one piece."""

from collections.abc import Iterator

import pytest
from support.widget_pages import ROOT, Site, site

from app.testing.server import script

# ruff: noqa: RUF001

SEEN = f"""(() => {{
  const paragraph = [...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop().firstChild;
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  const letters = [];
  for (let node; (node = walker.nextNode()); ) {{
    for (let at = 0; at < node.length; at++) {{
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      const box = range.getBoundingClientRect();
      letters.push([Math.round(box.top / 8), box.left, node.data[at]]);
    }}
  }}
  letters.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  return letters.map(each => each[2]).join('').replace(/[\\u00a0\\u202f]/g, ' ');
}})()"""
"""The letters of the last answer's paragraph from left to right, as they stand in the window."""

# Each: what stands in the text, and, where that differs from it, what is seen.
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
def widget(shop):
    (shop.folder / "wide.css").write_text("parlance-chat { --parlance-width: 780px }")
    return shop.opened(head='<link rel="stylesheet" href="wide.css">', data_lang="ar")


def seen(widget, text: str) -> str:
    widget.ask(script({"text": text}))
    return widget.js(SEEN)


@pytest.mark.parametrize("text", AMOUNTS)
@pytest.mark.parametrize("around", ["السعر {} فقط", "שלום {} לכם", "شاي Sencha **{}** اليوم"])
def test_an_amount_or_a_telephone_number_is_read_as_it_is_written(widget, around, text) -> None:
    assert text.replace("\u202f", " ").replace("\u00a0", " ") in seen(widget, around.format(text))


@pytest.mark.parametrize(
    "address", ["info@shop.example", "https://shop.example/", "+a@shop.example", "www.shop.example"]
)
def test_an_address_is_read_as_it_is_written(widget, address) -> None:
    assert address.lstrip("+") in seen(widget, f"اكتب إلى {address}، شكرا")


@pytest.mark.parametrize(("range_", "expected"), [("10–12", "12–10"), ("09:00 – 18:00", "18:00 – 09:00")])
def test_a_range_goes_the_way_of_the_language(widget, range_, expected) -> None:
    assert expected in seen(widget, f"من {range_} يوميا")


def test_a_text_that_begins_with_an_address_or_a_price_is_right_to_left_still(widget) -> None:
    for text in ("https://shop.example/ هذا موقعنا", "12 EUR هو السعر"):
        seen(widget, text)
        direction = (
            f"getComputedStyle([...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop().firstChild).direction"
        )
        assert widget.js(direction) == "rtl"


def test_text_from_left_to_right_is_left_alone(widget) -> None:
    widget.ask(script({"text": "Call +49 30 1234567 about the 12,50 €."}))
    assert widget.js(f"[...{ROOT}.querySelectorAll('[role=log] .bot')].pop().querySelector('bdi')") is None


def test_what_visitors_write_is_read_as_they_wrote_it(widget) -> None:
    widget.ask("اتصل بي على +49 30 1234567 من فضلك")
    found = widget.js(f"[...{ROOT}.querySelectorAll('.user')].pop().querySelector('bdi').textContent")
    assert found == "+49 30 1234567"
