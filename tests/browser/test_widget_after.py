"""What stands below an answer in the chat widget: where it comes from, and whether it was any good."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from support.agents import configured, keys
from support.axe import prefer, violations
from support.pages import serving
from support.visitors import chat, id_of, signed
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import Server, eventually, script

TABLES = """
[agents.tea]
model = "scripted"
tools = ["knowledge"]
knowledge = ["tea/*.md"]
"""
SEARCH = {"call": "knowledge", "args": {"query": "How long does shipping to Norway take?"}}
SHIPPING = """---
title: Shipping and returns
url: https://shop.example/shipping
---
# Shipping

## Norway

Shipping to Norway takes nine days.
"""
THUMBS = f"[...{ROOT}.querySelectorAll('[role=log] .message:last-child .thumb')]"
PRESSED = f"{THUMBS}.map(each => each.ariaPressed)"
CHIPS = f"[...{ROOT}.querySelectorAll('[role=log] .message:last-child .chip')]"
SHOWN = f"{CHIPS}.map(each => [each.localName, each.textContent.length, each.href ?? null])"


class Named(BaseHTTPRequestHandler):
    """Answers with the sources that the question names, as JSON; ratings it does not know."""

    protocol_version = "HTTP/1.1"

    def do_OPTIONS(self) -> None:
        self._reply(b"")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "rating" in asked:
            return self.send_error(404)
        sources = json.loads(asked["message"])
        lines = (
            {"type": "start", "conversationId": "1"},
            {"type": "token", "token": "So"},
            {"type": "done", "message": "So", "conversationId": "1", "messageId": "a" * 32, "sources": sources},
        )
        return self._reply("".join(json.dumps(line) + "\n" for line in lines).encode())

    def _reply(self, content: bytes) -> None:
        self.send_response(200)
        for name, value in (("Origin", "*"), ("Headers", "*")):
            self.send_header(f"Access-Control-Allow-{name}", value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with serving(Named) as url:
        yield url


@pytest.fixture(scope="module")
def tea(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tea")
    (folder / "tea").mkdir()
    (folder / "tea" / "shipping.md").write_text(SHIPPING)
    with Server(folder, config=configured(TABLES)) as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tea, browser, elsewhere) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("after"), tea, browser, elsewhere) as made:
        made.key = keys(tea).create("widget", "tea", origins=[made.origin])
        yield made


def ratings(shop: Site, text: str) -> list[str | None]:
    """What the server has stored of the answers with this text."""
    found = shop.server.rows("SELECT feedback FROM messages WHERE role = 'assistant' AND parts LIKE ?", f"%{text}%")
    return [row["feedback"] for row in found]


def test_sources_stand_below_the_answer_and_survive_a_reload(shop) -> None:
    widget = shop.opened()
    widget.ask(script(SEARCH, {"text": "Nine days."}))
    chips = widget.js(SHOWN)
    assert [chip[:2] for chip in chips] == [["a", len("Shipping and returns")]]
    assert chips[0][2].startswith("https://shop.example/shipping")
    assert widget.js(f"{ROOT}.querySelector('.chips').ariaLabel") == "Sources"
    widget.reload()
    assert widget.js(SHOWN) == chips
    widget.ask(script({"text": "Hello"}))
    assert widget.js(SHOWN) == []


def test_a_source_with_an_address_is_a_link_and_no_other_is(shop, elsewhere) -> None:
    widget = shop.opened(data_endpoint=elsewhere)
    given = [
        {"title": "Prices", "url": "https://x.example/a?b=1&c=%202#d"},
        {"title": "<b>*Tea*</b> " + "t" * 500, "url": "HTTP://x.example"},
        {"title": "Bad", "url": "javascript:hacked=1"},
        {"title": "Mail", "url": "mailto:a@x.example"},
        {"title": "Name"},
        {"title": "The sixth", "url": "https://x.example/"},
    ]
    widget.ask(json.dumps(given))
    expected = [["a", 6, "https://x.example/a?b=1&c=%202#d"], ["a", 200, "http://x.example/"]]
    assert widget.js(SHOWN) == [*expected, *(["span", len(title), None] for title in ("Bad", "Mail", "Name"))]
    link = widget.js(f"(a => [a.target, a.rel, a.dir, a.childElementCount])({CHIPS}[1])")
    assert link == ["_blank", "noopener nofollow noreferrer", "auto", 0]
    assert widget.js(f"{CHIPS}[1].offsetWidth <= {ROOT}.querySelector('.scroll').clientWidth")
    for odd in (
        None,
        "text",
        7,
        {"title": "x"},
        [None, 7, "x", {}, {"title": ""}, {"title": " "}, {"url": "https://x"}],
    ):
        widget.ask(json.dumps(odd))
        assert widget.js(SHOWN) == [], odd
    for odd in (
        {"title": 7},
        {"title": "x", "url": 7},
        {"title": ["a"], "url": None},
        {"title": "x", "url": ["mailto:a@x"]},
    ):
        widget.ask(json.dumps([odd]))
        assert widget.js(f"{CHIPS}.map(each => each.localName)") == ["span"]
    widget.reload()
    assert widget.js(f"{ROOT}.querySelectorAll('.chip').length") == 5 + 4


def test_thumbs_are_stored_changed_taken_back_and_shown_after_a_reload(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "Rate this"}))
    assert widget.js(f"{THUMBS}.map(each => each.ariaLabel)") == ["This answer helps", "This answer does not help"]
    assert widget.js(PRESSED) == ["false", "false"]
    last = ".message:last-child .thumb"
    widget.click(f"[role=log] {last}")
    assert widget.js(PRESSED) == ["true", "false"]
    eventually(lambda: ratings(shop, "Rate this") == ["positive"])
    widget.click(f"[role=log] {last} + .thumb")
    assert widget.js(PRESSED) == ["false", "true"]
    eventually(lambda: ratings(shop, "Rate this") == ["negative"])
    widget.reload()
    assert widget.js(PRESSED) == ["false", "true"]
    widget.click(f"[role=log] {last} + .thumb")
    assert widget.js(PRESSED) == ["false", "false"]
    eventually(lambda: ratings(shop, "Rate this") == [None])
    widget.js(f"for (let i = 0; i < 5; i++) {THUMBS}[i % 2].click()")
    eventually(lambda: ratings(shop, "Rate this") == ["positive"])
    assert widget.js(PRESSED) == ["true", "false"], "the last of many counts"


def test_only_whole_answers_have_thumbs(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "So far"}, {"fail": "upstream_failed"}))
    assert widget.texts(".thumb") == []
    widget.send(script({"text": "Under way"}, {"pause": 30}))
    widget.shows("Under way")
    widget.click(".send.stop")
    widget.until(f"!!{ROOT}.querySelector('.stopped')")
    assert widget.texts(".thumb") == []


def test_a_rating_that_cannot_be_stored_is_taken_back_and_said_so(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "Rate me later"}))
    online(widget, yes=False)
    widget.press(".thumb")
    widget.until(f"{ROOT}.querySelector('.rating').innerText === 'The chat cannot be reached at the moment.'")
    assert widget.js(PRESSED) == ["false", "false"]
    online(widget, yes=True)
    widget.press(".thumb")
    eventually(lambda: ratings(shop, "Rate me later") == ["positive"])
    assert widget.texts(".rating") == [""]
    widget.js("""
        const [[place, kept]] = Object.entries(localStorage);
        const { sessionId, messages } = JSON.parse(kept);
        const other = messages.map(each => each.role === "bot" ? { ...each, id: "f".repeat(32) } : each);
        localStorage[place] = JSON.stringify({ sessionId, messages: other });
    """)
    widget.reload()
    widget.press(".thumb + .thumb")
    widget.until(f"{ROOT}.querySelector('.rating').innerText === 'Something went wrong.'")


def test_another_tab_shows_and_keeps_the_rating(shop) -> None:
    first = shop.opened()
    first.ask(script({"text": "In both tabs"}))
    second = first.another_tab()
    second.js("ParlanceChat.open()")
    first.press(".thumb")
    second.until(f"{PRESSED}[0] === 'true'")
    second.ask(script({"text": "And on"}))
    first.until(f"{ROOT}.querySelectorAll('.thumb').length === 4")
    assert first.js(f"{ROOT}.querySelector('.thumb').ariaPressed") == "true"


def test_a_visitors_ratings_and_sources_follow_the_history(shop) -> None:
    secret = shop.server.flask("keys", "visitor-secret", id_of(shop.server, shop.key)).stdout.strip()
    token = signed(secret, "ada")
    assert chat(shop.server, shop.key, token, script(SEARCH, {"text": "Known already"})).status_code == 200
    widget = shop.opened(data_visitor=token)
    widget.until(f"{THUMBS}.length === 2 && {CHIPS}.length === 1")
    widget.press(".thumb + .thumb")
    eventually(lambda: ratings(shop, "Known already") == ["negative"])
    assert widget.js("JSON.stringify(localStorage)") == "{}"
    again = shop.opened(data_visitor=token)
    again.until(f"{THUMBS}.length === 2 && {PRESSED}[1] === 'true'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(shop, elsewhere, scheme) -> None:
    widget = shop.opened(data_endpoint=elsewhere, data_color="gold")
    prefer(widget.browser, scheme)
    widget.ask(json.dumps([{"title": "Prices", "url": "https://x.example/"}, {"title": "t" * 99}]))
    widget.press(".thumb")
    widget.until(f"{ROOT}.querySelector('.rating').innerText !== ''")  # nobody is there who would take it
    widget.press(".thumb + .thumb")
    assert violations(widget.browser) == []


def online(widget: Widget, *, yes: bool) -> None:
    widget.browser.call(
        "Network.emulateNetworkConditions", offline=not yes, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )
