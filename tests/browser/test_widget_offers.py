"""What an owner adds to the chat widget, questions, a subtitle, a logo, a privacy line; and a new conversation, which
asks before it forgets."""

from collections.abc import Iterator

import pytest
from support.axe import prefer, resize, violations
from support.visitors import chat, id_of, signed
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import eventually, script

QUESTIONS = "Where are you? | كم يستغرق الشحن؟\n What does it cost? ||\n"
ALL = {
    "data_subtitle": "Day <b>and</b> night",
    "data_logo": "/logo.svg",
    "data_suggestions": QUESTIONS,
    "data_privacy": "Share no secrets: [privacy](/privacy) <img src=x>",
}
CONFIRMATION = f"{ROOT}.querySelector('.confirmation')"
SUGGESTIONS = f"[...{ROOT}.querySelectorAll('.suggestions button')]"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("offers")
    (folder / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    with site(folder, server, browser) as made:
        yield made


def suggested(widget: Widget) -> list[str]:
    """Those that are seen."""
    return widget.js(f"{SUGGESTIONS}.filter(each => each.offsetHeight).map(each => each.innerText)")


def test_nothing_is_added_unless_the_owner_says_so(shop) -> None:
    widget = shop.opened()
    assert widget.js(f"{ROOT}.querySelectorAll('.suggestions button, .head p, .head img, .privacy').length") == 0


def test_suggested_questions_are_asked_by_a_click_and_come_back_with_a_new_conversation(shop) -> None:
    widget = shop.opened(**ALL)
    questions = ["Where are you?", "كم يستغرق الشحن؟", "What does it cost?"]
    assert suggested(widget) == questions
    widget.click(".suggestions button:nth-child(2)")
    assert widget.focused() == "textarea", "the focus is not lost with the button"
    widget.until(f"{ROOT}.querySelectorAll('[role=log] .bot').length === 2")
    assert widget.texts(".user .text") == [questions[1]]
    assert suggested(widget) == []
    widget.reload()
    assert suggested(widget) == []
    widget.begin_anew()
    assert suggested(widget) == questions
    widget.ask(script({"text": "typed"}))
    assert suggested(widget) == []


def test_suggested_questions_are_not_seen_before_the_history_of_a_visitor_is(shop) -> None:
    secret = shop.server.flask("keys", "visitor-secret", id_of(shop.server, shop.key)).stdout.strip()
    known, new = signed(secret, "zoe"), signed(secret, "nobody yet".replace(" ", "."))
    assert chat(shop.server, shop.key, known, "one").status_code == 200
    widget = shop.opened(data_visitor=new, **ALL)
    eventually(lambda: len(suggested(widget)) == 3)
    widget.js(
        f"seen = []; new MutationObserver(() => seen.push({ROOT}.querySelector('.suggestions').hidden))"
        f".observe({ROOT}.querySelector('.suggestions'), {{ attributes: true }}); ParlanceChat.visitor('{known}')"
    )
    widget.until(f"{ROOT}.querySelectorAll('.user').length === 1")
    assert suggested(widget) == []
    assert set(widget.js("seen")) == {True}


def test_a_subtitle_in_another_script_stands_below_the_title(shop) -> None:
    widget = shop.visit(data_lang="ar", data_title="Tea House", data_subtitle="Day and night")
    widget.js("ParlanceChat.open()")
    sides = "each => each.getBoundingClientRect().right"
    title, subtitle = widget.js(f"[...{ROOT}.querySelectorAll('.names h2, .names p span')].map({sides})")
    assert widget.js(f"getComputedStyle({ROOT}.querySelector('.names p span')).direction") == "ltr"
    assert abs(title - subtitle) < 1


def test_subtitle_logo_and_privacy_line_are_what_the_owner_wrote(shop) -> None:
    widget = shop.visit(**ALL)
    assert widget.browser.requests(f"{shop.origin}/logo.svg") == [], "not for every page"
    widget.js("ParlanceChat.open()")
    assert widget.texts(".head p") == ["Day <b>and</b> night"]
    widget.until(f"{ROOT}.querySelector('.head img').naturalWidth === 9")
    assert widget.js(f"{ROOT}.querySelector('.head img').alt") == ""
    assert widget.texts(".privacy") == ["Share no secrets: privacy <img src=x>"]
    link = widget.js(f"(a => [a.href, a.target, a.rel])({ROOT}.querySelector('.privacy a'))")
    assert link == [f"{shop.origin}/privacy", "_blank", "noopener nofollow noreferrer"]


@pytest.mark.parametrize("logo", ["/none.svg", "javascript:hacked=1", "http://", "data:text/html,x"])
def test_a_logo_that_is_no_picture_is_left_out(shop, logo) -> None:
    widget = shop.opened(data_logo=logo)
    widget.until(f"{ROOT}.querySelector('.head img') === null")
    assert widget.js("window.hacked === undefined")


def test_a_new_conversation_asks_before_it_forgets(shop) -> None:
    widget, press = shop.opened(), shop.browser.press
    widget.click(".clear")
    assert widget.js(f"{CONFIRMATION}.hidden"), "there is nothing to forget"
    assert widget.focused() == "textarea"
    widget.ask(script({"text": "Hello"}))
    widget.click(".clear")
    assert not widget.js(f"{CONFIRMATION}.hidden")
    assert widget.focused() == "pill cancel"
    assert widget.js(f"[{CONFIRMATION}.role, {CONFIRMATION}.innerText]") == [
        "alertdialog",
        "Begin a new conversation? This one will be gone.\n\nCancel\nNew conversation",
    ]
    press("Escape")
    assert widget.js(f"[{CONFIRMATION}.hidden, {ROOT}.querySelector('.panel').hidden]") == [True, False]
    assert widget.focused() == "clear"
    for answer, kept in ((("Enter",), 3), (("Tab", "Enter"), 1)):
        widget.click(".clear")
        for key in answer:
            press(key)
        assert widget.js(f"{CONFIRMATION}.hidden")
        assert len(widget.texts(".message")) == kept
    assert widget.focused() == "textarea"


def test_the_question_is_gone_with_the_conversation_and_the_panel(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "Hello"}))
    widget.click(".clear")
    widget.js("ParlanceChat.clear()")
    assert widget.js(f"{CONFIRMATION}.hidden")
    assert len(widget.texts(".message")) == 1, "a page's own call asks nobody"
    widget.ask(script({"text": "Hello"}))
    widget.click(".clear")
    widget.js("ParlanceChat.close(); ParlanceChat.open()")
    assert widget.js(f"{CONFIRMATION}.hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("lang", "width"), [("en", 800), ("ar", 390)])
def test_axe_finds_nothing_to_object_to(shop, scheme, lang, width) -> None:
    widget = shop.visit(lang=lang, data_color="gold", **ALL)
    resize(widget.browser, width, 844)
    prefer(widget.browser, scheme)
    widget.js("ParlanceChat.open()")
    assert violations(widget.browser) == []
    widget.ask(script({"text": "Hello"}))
    widget.press(".thumb")
    widget.press(".clear")
    assert violations(widget.browser) == []
    assert widget.js("document.documentElement.scrollWidth") <= width
    sizes = widget.js(f"[...{ROOT}.querySelectorAll('button')].filter(e => e.offsetWidth).map(e => e.offsetHeight)")
    assert min(sizes) >= 44
