"""The chat widget in a page of another origin whose Content-Security-Policy is strict, in Chromium."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import pytest
from support.pages import serving
from support.widget_pages import HOST, ROOT, Site, known_key, site

from app.testing.server import Server, eventually, script

NOTICE = f"{ROOT}.querySelector('.notice')?.innerText"


class Odd(BaseHTTPRequestHandler):
    """Answers in raw UTF-8, in pieces that end anywhere, with keep-alives, and without a last line's end. At the paths
    of `SPOILT` the answer is not as it should be, though the connection ends well."""

    protocol_version = "HTTP/1.1"
    LINES = (
        '{"type":"start","conversationId":"1"}',
        "",
        '{"type":"token","token":"Grüße, "}',
        "\r",
        '{"type":"token","token":"世界 🎉"}',
        '{"type":"something new"}',
        '{"type":"done","message":"Grüße, 世界 🎉","conversationId":"1"}',
    )

    SPOILT: Mapping[str, tuple[str, ...]] = {
        "/ends-early": LINES[:-1],
        "/null": (*LINES[:5], '{"type":"token","token":null}', LINES[-1]),
        "/number": (*LINES[:5], '{"type":"token","token":7}', LINES[-1]),
        "/no-event": (*LINES[:5], "null", LINES[-1]),
    }
    WORDLESS: Mapping[str, tuple[str, ...]] = {
        "/nothing": (LINES[0], '{"type":"done","message":"","conversationId":"1"}'),
        "/white-space": (LINES[0], '{"type":"token","token":"\\n \\u200b"}', LINES[-1]),
        "/comment": (LINES[0], '{"type":"token","token":"<!-- none -->"}', LINES[-1]),
    }

    def do_OPTIONS(self) -> None:
        self._head(204, {"Access-Control-Allow-Headers": "*", "Content-Length": "0"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._head(200, {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"})
        data = "\n".join({**self.SPOILT, **self.WORDLESS}.get(self.path, self.LINES)).encode()
        for piece in (data[at : at + 3] for at in range(0, len(data), 3)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if not piece.isascii():
                time.sleep(0.02)  # so that it arrives on its own
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Access-Control-Allow-Origin": "*", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    with serving(Odd) as url:
        yield url


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser, odd) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("shop"), server, browser, odd) as made:
        yield made


def at(server: Server, shop: Site) -> dict[str, str]:
    """The attributes for a chat on another server."""
    return {
        "data_endpoint": f"{server.url}/chat",
        "data_api_key": known_key(server, "open", "--origin", shop.origin),
    }


def test_a_page_of_another_origin_holds_a_streamed_conversation(shop) -> None:
    widget = shop.visit()
    widget.click(".launcher")
    widget.until(f"{ROOT}.activeElement?.localName === 'textarea'")
    widget.browser.type(script({"text": "First"}, {"pause": 1.5}, {"text": " and **last**."}))
    widget.until(f"[...{ROOT}.querySelectorAll('.bot .text')].pop().innerText === 'First'")
    widget.shows("First and last.")
    assert widget.ask(script({"text": "Once more."})) == "Once more."

    asked = [
        json.loads(each["postData"])
        for each in widget.browser.requests(f"{shop.server.url}/chat")
        if each.get("postData")
    ]
    assert len(asked) == 2
    assert len({each["sessionId"] for each in asked}) == 1
    assert re.fullmatch("[0-9a-f]{32}", asked[0]["sessionId"])
    (row,) = shop.server.rows("SELECT * FROM conversations WHERE external_id = ?", asked[0]["sessionId"])
    stored = shop.server.messages(row["id"])
    assert [message["role"] for message in stored] == ["user", "assistant"] * 2
    widget.browser.call("Log.enable")
    logged = [each["params"]["entry"]["text"] for each in widget.browser.events if each["method"] == "Log.entryAdded"]
    assert logged == [], "nothing was refused by the policy"


def test_a_reload_keeps_the_conversation_and_a_new_one_is_one_click_away(shop) -> None:
    widget = shop.opened()
    widget.ask(script({"text": "Remember *me*."}))
    session = widget.js("JSON.parse(Object.values(localStorage)[0]).sessionId")
    widget.reload()
    widget.js("ParlanceChat.open()")
    assert widget.texts(".bot .text")[-1] == "Remember me."
    widget.ask(script({"text": "And more."}))
    assert widget.js("JSON.parse(Object.values(localStorage)[0]).sessionId") == session
    widget.begin_anew()
    assert len(widget.texts(".message")) == 1, "the greeting"
    widget.reload()
    assert len(widget.texts(".message")) == 1
    assert widget.js("JSON.parse(Object.values(localStorage)[0]).sessionId") != session


def test_what_is_kept_has_a_bound(shop) -> None:
    widget = shop.opened()
    for number in range(32):
        widget.ask(script({"text": f"Answer {number}"}))
    kept = widget.js("JSON.parse(Object.values(localStorage)[0]).messages.map(each => each.text)")
    assert len(kept) == 60
    assert kept[-1] == "Answer 31"


def test_stop_keeps_what_came_and_try_again_replaces_it(shop) -> None:
    widget = shop.opened()
    question = script({"text": "Stopped here"}, {"pause": 3}, {"text": " and finished."})
    widget.send(question)
    widget.shows("Stopped here")
    widget.click(".send.stop")
    widget.until(f"{NOTICE}?.startsWith('Stopped.')")
    assert widget.texts(".bot .text")[-1] == "Stopped here"
    eventually(
        lambda: shop.server.rows("SELECT * FROM messages WHERE status = 'interrupted' AND parts LIKE '%Stopped here%'")
    )
    widget.click(".retry")
    widget.shows("Stopped here and finished.")
    widget.until(f"!{ROOT}.querySelector('.notice')")
    assert [len(widget.texts(f".{role}")) for role in ("user", "bot")] == [1, 2], "the greeting, and one answer"


@pytest.fixture(scope="module")
def limited(tmp_path_factory) -> Iterator[Server]:
    """Takes a question every four seconds from each visitor."""
    changes = {'widget = "100000/minute"': 'widget = "1 per 4 seconds"'}
    with Server(tmp_path_factory.mktemp("limited"), changes=changes) as running:
        yield running


def test_a_limit_counts_the_seconds_down_and_then_lets_go_on(shop, limited, browser, tmp_path) -> None:
    with site(tmp_path, shop.server, browser, limited.url) as visited:
        widget = visited.opened(**at(limited, visited))
        assert widget.ask(script({"text": "One."})) == "One."
        widget.send(script({"text": "Two."}))
        widget.until(f"/go on in [1-4] s/.test({NOTICE})")
        assert widget.js(f"{ROOT}.querySelector('.retry').disabled && {ROOT}.querySelector('.send').disabled")
        assert widget.send("not now") is False
        widget.shows("You can go on now.")
        widget.click(".retry")
        widget.shows("Two.")
        widget.until(f"!{ROOT}.querySelector('.notice')")


def test_a_limit_is_told_in_a_new_conversation_too(shop, limited, browser, tmp_path) -> None:
    with site(tmp_path, shop.server, browser, limited.url) as visited:
        widget = visited.opened(**at(limited, visited))
        assert widget.ask(script({"text": "One."})) == "One."
        widget.send(script({"text": "Two."}))
        widget.until(f"/go on in [1-4] s/.test({NOTICE})")
        widget.begin_anew()
        assert "You can go on" in widget.js(NOTICE)
        assert widget.texts(".retry") == [], "there is nothing to try"
        widget.shows("You can go on now.")
        assert widget.ask(script({"text": "Three."})) == "Three."


def test_a_server_that_dies_in_mid_answer_is_told_and_what_came_stays(shop, start, browser, tmp_path) -> None:
    dying = start()
    with site(tmp_path, shop.server, browser, dying.url) as visited:
        widget = visited.opened(**at(dying, visited))
        widget.send(script({"text": "Before the end"}, {"pause": 30}, {"text": "never"}))
        widget.shows("Before the end")
        os.kill(dying.worker_pid(), signal.SIGKILL)
        widget.until(f"{NOTICE}?.startsWith('The connection broke.')")
        assert widget.texts(".bot .text")[-1] == "Before the end"
        dying.__exit__()
        widget.send("Hello?")
        widget.shows("The chat cannot be reached at the moment.")


def test_failures_of_the_model_are_told_in_the_widgets_words(shop) -> None:
    widget = shop.opened(data_lang="de")
    widget.js("ParlanceChat.on('error', each => { window.told = each })")
    widget.send(script({"text": "So far"}, {"fail": "upstream_failed"}))
    widget.until(f"{NOTICE}?.startsWith('Da ist etwas schiefgegangen.')")
    assert widget.texts(".bot .text")[-1] == "So far"
    widget.send(script({"refuse": "overloaded"}))
    widget.shows("Gerade ist viel los.")
    assert widget.js("told") == {
        "state": "busy",
        "status": 503,
        "message": "Gerade ist viel los. Bitte gleich noch einmal versuchen.",
        "seconds": 5,
    }


def test_answers_are_read_whole_however_the_network_cuts_them(shop, odd) -> None:
    widget = shop.opened(data_endpoint=odd)
    widget.js("window.heard = []; ParlanceChat.on('token', ({ token }) => heard.push(token))")
    assert widget.ask("Hello") == "Grüße, 世界 🎉"
    assert widget.js("heard") == ["Grüße, ", "世界 🎉"]


@pytest.mark.parametrize("path", Odd.SPOILT)
def test_an_answer_that_is_spoilt_is_not_taken_for_whole(shop, odd, path) -> None:
    widget = shop.opened(data_endpoint=f"{odd}{path}")
    assert widget.ask("Hello") == "Grüße, 世界 🎉"
    widget.shows("The connection broke.")


@pytest.mark.parametrize(
    ("path", "lang", "said"),
    [
        ("/nothing", "en", "Something went wrong."),
        ("/white-space", "de", "Da ist etwas schiefgegangen."),
        ("/comment", "es", "Algo ha salido mal."),
        ("/nothing", "ar", "حدث خطأ ما."),
    ],
)
def test_an_answer_without_a_word_is_a_failure_that_can_be_tried_again(shop, odd, path, lang, said) -> None:
    widget = shop.opened(data_endpoint=f"{odd}{path}", data_lang=lang)
    widget.js(
        "window.told = []; for (const e of ['answer', 'error']) ParlanceChat.on(e, ({ state }) => told.push(e, state))"
    )
    assert widget.ask("Hello").strip(" \n\u200b") == ""
    assert widget.js(NOTICE).startswith(said)
    assert widget.js("told") == ["error", "failed"]
    bubble = f"[...{ROOT}.querySelectorAll('[role=log] .bot .text')].pop().getBoundingClientRect().height"
    assert widget.js(bubble) == 0, "no empty bubble"
    widget.click(".retry")
    widget.until(f"told.length === 4 && !!{ROOT}.querySelector('.retry')")


def test_the_page_can_drive_it_and_listen(shop) -> None:
    widget = shop.visit()
    widget.js("""
        window.heard = [];
        for (const event of ["open", "close", "send", "token", "answer", "error"]) {
          ParlanceChat.on(event, detail => heard.push([event, detail?.message ?? detail?.token ?? null]));
        }
        ParlanceChat.on("token", () => { throw new Error("the page's own mistake") });
        window.unwanted = () => heard.push("unwanted");
        ParlanceChat.on("open", unwanted);
        ParlanceChat.off("open", unwanted);
        ParlanceChat.open(); ParlanceChat.open();
    """)
    question = script({"text": "Yes."})
    assert widget.ask(question) == "Yes."
    widget.js("ParlanceChat.close(); ParlanceChat.clear()")
    expected = [["open", None], ["send", question], ["token", "Yes."], ["answer", "Yes."], ["close", None]]
    assert widget.js("heard") == expected
    assert [widget.send(text) for text in ("", "  ", "x" * 4001, "\x1c\x1f", "\x85", "\0 \x01\t")] == [False] * 6
    with pytest.raises(AssertionError, match="ParlanceChat has no event"):
        widget.js("ParlanceChat.on('answers', () => {})")
    assert widget.js("Object.keys(window).filter(name => /parlance/i.test(name))") == ["ParlanceChat"]


def test_half_a_letter_is_sent_as_the_sign_for_one(shop) -> None:
    widget = shop.opened()
    assert widget.ask("\ud83c hello 🎉") == "Hello"
    assert widget.texts(".user .text") == ["\ufffd hello 🎉"]


def test_calls_from_before_the_page_has_a_body_are_done_when_it_has(shop) -> None:
    (shop.folder / "early.js").write_text(
        "ParlanceChat.open(); sent = ParlanceChat.send('hello'); seen = document.body"
    )
    widget = shop.visit(
        head=f'<script src="{shop.server.url}/widget.js" data-api-key="{shop.key}"></script>'
        '<script src="early.js"></script>'
    )
    assert widget.js("[seen, sent]") == [None, True]
    widget.until(f"{ROOT}.querySelector('.panel').hidden === false")  # the widget asks first whether it may be there
    widget.shows("Hello")
    assert widget.texts(".user .text") == ["hello"]
    assert widget.js("document.querySelectorAll('parlance-chat').length") == 1


def test_a_site_that_puts_another_body_in_place_of_the_page_keeps_it(shop) -> None:
    widget = shop.opened()
    assert widget.ask(script({"text": "Hello"})) == "Hello"
    widget.js("document.body.replaceWith(document.body.cloneNode(false))")
    widget.until("!!document.body.querySelector('parlance-chat')")
    assert widget.ask(script({"text": "Still here"})) == "Still here"
    assert widget.texts("[role=log] .bot .text")[-2:] == ["Hello", "Still here"]


def test_where_storage_is_refused_the_chat_lives_as_long_as_the_page(shop) -> None:
    widget = shop.visit()
    refuse = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    widget.browser.call("Page.addScriptToEvaluateOnNewDocument", source=refuse)
    widget.reload()
    assert widget.ask(script({"text": "It works."})) == "It works."


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"data_api_key": ""}, "needs data-api-key"),
        ({"data_endpoint": "http://"}, "data-endpoint is no address"),
        ({"data_visitor": "ada"}, "data-visitor is no visitor's token"),
    ],
)
def test_a_tag_that_cannot_work_says_why(shop, attributes, said) -> None:
    widget = shop.visit(**attributes)
    logged = [
        each["params"]["args"][0]["value"]
        for each in widget.browser.events
        if each["method"] == "Runtime.consoleAPICalled"
    ]
    assert len(logged) == 1
    assert said in logged[0]
    assert widget.js(f"{HOST} === null")
