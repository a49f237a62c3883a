"""Whom the chat widget is for: any page, any language, any colour, on a phone, by keyboard, with a screen reader."""

import json
from collections.abc import Iterator

import pytest
from support.sdk import installed
from support.widget_pages import HOST, ROOT, Site, Widget, site

from app.testing.server import script

RICH = """# Plans

Both are **good**, *really*. See [the list](https://shop.example/plans) or `plans`.

1. Basic
2. Team
   - with support

- [x] ~~20 €~~ <mark>15 €</mark> for m<sup>2</sup>, \\(x^2\\), <kbd>Q</kbd>
- [ ] [by phone](tel:+4930123456), www.shop.example or info@shop.example

> Without tax.

| Plan | Price |
|---|--:|
| Basic | 5 € |

```python
print("a line that is so long that it has to be scrolled to the side by whoever reads it")
```
"""
HOSTILE_CSS = """
* { display: none !important; color: red !important; font: 3px cursive !important; opacity: .1 !important; }
html, body { display: block !important; opacity: 1 !important; }
button { background: lime !important; width: 300px !important; transform: rotate(45deg) !important; }
parlance-chat { position: static !important; left: -9999px !important; visibility: hidden !important; }
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "page.css").write_text(HOSTILE_CSS)
    with site(folder, server, browser) as made:
        yield made


def prefer(widget: Widget, scheme: str) -> None:
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    widget.browser.call("Emulation.setEmulatedMedia", features=features)


def resize(widget: Widget, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 480}
    widget.browser.call("Emulation.setDeviceMetricsOverride", **size)


def box(widget: Widget, selector: str) -> dict[str, float]:
    """left, top, width and height in pixels."""
    return widget.js(f"{ROOT}.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")


def violations(widget: Widget) -> list[str]:
    """What axe-core finds, in all of its rules."""
    found = widget.js("axe.run(document, { resultTypes: ['violations', 'incomplete'] })")
    unsure = [each for each in found["incomplete"] if each["id"] == "color-contrast"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in [*found["violations"], *unsure]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("color", ["", "gold", "white", "#000", "hsl(0 80% 50%)", "oklch(70% 0.15 150)"])
def test_axe_finds_nothing_to_object_to(shop, scheme, color) -> None:
    widget = shop.visit(data_color=color)
    prefer(widget, scheme)
    widget.js((installed() / "node_modules/axe-core/axe.min.js").read_text() + "; void 0")
    assert violations(widget) == []
    widget.js("ParlanceChat.open()")
    widget.ask(script({"text": RICH}))
    widget.ask(script({"text": "So"}, {"fail": "upstream_failed"}))
    widget.js(f"{ROOT}.querySelector('.scroll').scrollTop = 0")
    assert violations(widget) == []
    widget.js(f"{ROOT}.querySelector('.scroll').scrollTop = 9999")
    assert violations(widget) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("width", [390, 800])
def test_axe_finds_nothing_to_object_to_while_an_answer_is_written(shop, scheme, lang, width) -> None:
    widget = shop.visit(lang=lang)
    resize(widget, width, 844)
    prefer(widget, scheme)
    widget.js((installed() / "node_modules/axe-core/axe.min.js").read_text() + "; void 0")
    widget.js("ParlanceChat.open()")
    widget.ask(script({"text": RICH}))
    widget.send(script({"pause": 60}))
    widget.until(f"!!{ROOT}.querySelector('.typing')")
    assert violations(widget) == []
    widget.click(".send.stop")
    widget.until(f"!!{ROOT}.querySelector('.stopped')")
    widget.send(script({"text": RICH}, {"pause": 60}))
    widget.until(f"!!{ROOT}.querySelector('.text:not(:empty) + .typing')")
    assert violations(widget) == []
    widget.click(".send.stop")
    widget.until(f"!{ROOT}.querySelector('.send.stop')")
    assert violations(widget) == []


def test_it_can_be_used_by_keyboard_alone(shop) -> None:
    widget, press = shop.visit(), shop.browser.press
    launcher = f"{ROOT}.querySelector('.launcher')"
    assert widget.js(f"{launcher}.getAttribute('aria-expanded')") == "false"
    for _ in range(2):
        press("Tab")
    assert widget.focused() == "launcher"
    press("Enter")
    assert widget.focused() == "textarea"
    assert widget.js(f"{launcher}.getAttribute('aria-expanded')") == "true"
    widget.browser.call("Input.insertText", text='[{"text":')
    press("Enter", shift=True)
    assert widget.js(f"{ROOT}.activeElement.value") == '[{"text":\n'
    widget.browser.type('"Yes."}]')
    widget.shows("Yes.")
    assert widget.js(f"{ROOT}.activeElement.value") == ""
    widget.until(f"!{ROOT}.querySelector('.send.stop')")  # the answer is over
    press("Tab")
    assert widget.focused() == "send"
    assert widget.js(f"parseFloat(getComputedStyle({ROOT}.activeElement).outlineWidth)") >= 2
    press("Escape")
    assert widget.focused() == "launcher"
    assert widget.js(f"{ROOT}.querySelector('.panel').hidden")


def test_a_screen_reader_hears_finished_answers_and_not_each_word(shop) -> None:
    widget = shop.opened()
    widget.js(f"""
        window.heard = [];
        new MutationObserver(changes => {{
          for (const change of changes) for (const node of change.addedNodes) heard.push(node.innerText ?? node.data);
        }}).observe({ROOT}.querySelector("[role=log]"), {{ childList: true, subtree: true, characterData: true }});
    """)
    question = script({"text": "One, "}, {"pause": 0.3}, {"text": "two, "}, {"pause": 0.3}, {"text": "three."})
    widget.ask(question)
    assert [" ".join(each.split()) for each in widget.js("heard")] == [f"You {question}", "Answer One, two, three."]
    log = f"{ROOT}.querySelector('[role=log]')"
    assert widget.js(f"[{log}.ariaLive, {ROOT}.querySelector('.panel').getAttribute('role')]") == ["polite", "dialog"]


def test_what_is_pressed_is_at_least_44_pixels_wide_and_high(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "Hello"}))
    widget.ask(script({"text": RICH}, {"fail": "upstream_failed"}))
    widget.press(".clear")  # which asks
    sizes = widget.js(f"""
        [...{ROOT}.querySelectorAll("button, textarea")]
          .map(each => [each.className, each.offsetWidth, each.offsetHeight])
    """)
    assert {name for name, *_ in sizes} >= {"launcher", "send", "clear", "close", "pill retry", "copy", "thumb"}
    assert [each for each in sizes if min(each[1:]) < 44] == []


def test_the_pages_shortcuts_do_not_hear_what_is_typed(shop) -> None:
    widget = shop.opened()
    widget.js("window.heard = []; document.addEventListener('keydown', event => heard.push(event.key))")
    widget.browser.press("Enter")
    assert widget.js("heard") == []


def test_page_and_widget_do_not_style_each_other(shop) -> None:
    plain = shop.opened()
    resize(plain, 800, 900)
    measures = f"""['.launcher', '.panel', '.send', '.text'].map(selector => {{
        const style = getComputedStyle({ROOT}.querySelector(selector));
        return [style.color, style.backgroundColor, style.fontSize, style.fontFamily, style.transform, style.visibility,
                {ROOT}.querySelector(selector).getBoundingClientRect().toJSON()];
    }})"""
    expected = plain.js(measures)
    page = plain.js("getComputedStyle(document.querySelector('#buy')).cssText")
    bare = shop.visit(data_api_key="")
    resize(bare, 800, 900)
    assert bare.js("getComputedStyle(document.querySelector('#buy')).cssText") == page
    styled = shop.opened(head='<link rel="stylesheet" href="page.css">')
    resize(styled, 800, 900)
    assert styled.js("getComputedStyle(document.querySelector('main')).display") == "none"
    assert styled.js(measures) == expected
    styled.click(".close")
    assert styled.js(f"{ROOT}.querySelector('.panel').hidden")


def test_the_pages_own_properties_theme_it(shop) -> None:
    (shop.folder / "theme.css").write_text("parlance-chat { --parlance-color: rgb(1 2 3); --parlance-width: 333px; }")
    widget = shop.opened(head='<link rel="stylesheet" href="theme.css">', data_color="red")
    assert widget.js(f"getComputedStyle({ROOT}.querySelector('.launcher')).backgroundColor") == "rgb(1, 2, 3)"
    assert box(widget, ".panel")["width"] == 333


def test_arabic_is_right_to_left(shop) -> None:
    widget = shop.opened(data_lang="ar")
    assert widget.js(f"getComputedStyle({ROOT}.querySelector('.widget')).direction") == "rtl"
    assert box(widget, ".launcher")["left"] == 20
    assert widget.texts(".bot .text") == ["مرحبًا! كيف يمكنني مساعدتك؟"]
    user, bot = ".user .text", ".bot:last-child .text"
    widget.ask(script({"text": "نعم"}))
    assert box(widget, user)["left"] < box(widget, bot)["left"]
    assert box(widget, ".send")["left"] < box(widget, "textarea")["left"]


SEND = {"Hallo! Wie kann ich helfen?": "Senden", "¡Hola! ¿En qué puedo ayudarle?": "Enviar", "Moin": "Senden"}


@pytest.mark.parametrize(
    ("page", "attributes", "greeting"),
    [
        ("de-AT", {}, "Hallo! Wie kann ich helfen?"),
        ("de", {"data_lang": "es"}, "¡Hola! ¿En qué puedo ayudarle?"),
        ("tlh", {}, "Hello! How can I help you?"),
        ("de", {"data_greeting": "Moin"}, "Moin"),
        ("en", {"data_lang": "fr", "data_text_greeting": "Bonjour", "data_text_send": "Envoyer"}, "Bonjour"),
        ("constructor", {}, "Hello! How can I help you?"),
    ],
)
def test_it_speaks_the_pages_language_or_the_one_that_is_named(shop, page, attributes, greeting) -> None:
    widget = shop.opened(lang=page, **attributes)
    assert widget.texts(".bot .text") == [greeting]
    assert widget.js(f"{ROOT}.querySelector('.send').ariaLabel") == attributes.get(
        "data_text_send", SEND.get(greeting, "Send")
    )


@pytest.mark.parametrize(
    ("attributes", "lang", "direction"),
    [
        ({"data_lang": "pt-BR"}, "en", "ltr"),
        ({"data_lang": "fa", "data_title": "گفتگو"}, "en", "ltr"),
        ({"data_lang": "fa", "data_text_send": "فرستادن"}, "fa", "rtl"),
        ({"data_lang": "de-AT"}, "de-AT", "ltr"),
        ({}, "ar-EG", "rtl"),
    ],
)
def test_it_names_the_language_of_the_words_that_it_has(shop, attributes, lang, direction) -> None:
    widget = shop.visit(lang="ar-EG", **attributes)
    assert widget.js(f"[{ROOT}.querySelector('.widget').lang, {ROOT}.querySelector('.widget').dir]") == [
        lang,
        direction,
    ]


def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus(shop) -> None:
    widget = shop.visit(data_open="")
    resize(widget, 390, 844)
    widget.reload()
    assert widget.js(f"{ROOT}.querySelector('.panel').hidden"), "nobody wants a page that is covered at once"
    widget.js("ParlanceChat.open()")
    covered = {name: box(widget, ".panel")[name] for name in ("left", "top", "width", "height")}
    assert covered == {"left": 0, "top": 0, "width": 390, "height": 844}
    assert widget.js("document.documentElement.scrollWidth") == 390
    assert widget.js(f"parseFloat(getComputedStyle({ROOT}.querySelector('textarea')).fontSize)") >= 16, (
        "or iOS zooms in"
    )
    for shift in (False, True):
        for _ in range(8):
            widget.browser.press("Tab", shift=shift)
            assert widget.js(
                f"document.activeElement === {HOST} && {ROOT}.querySelector('.panel').contains({ROOT}.activeElement)"
            )


def test_it_may_be_open_from_the_start_without_taking_the_focus(shop) -> None:
    widget = shop.visit(data_open="", data_position="left")
    assert not widget.js(f"{ROOT}.querySelector('.panel').hidden")
    assert widget.js("document.activeElement === document.body")
    assert box(widget, ".launcher")["left"] == 20


def test_an_answer_that_comes_while_it_is_closed_is_marked(shop) -> None:
    widget = shop.visit()
    widget.ask(script({"text": "Here."}))
    assert "new answer" in widget.js(f"{ROOT}.querySelector('.launcher.unread').ariaLabel")
    widget.click(".launcher")
    assert widget.js(f"{ROOT}.querySelector('.launcher.unread') === null")
