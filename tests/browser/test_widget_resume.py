"""The chat widget comes back to its running answer: after a reload, without a network, on another page of the visit, in
another tab. The text is whole, once; one question is asked, and one answer paid."""

import json
import random
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

import pytest
from support.cable import Cable, cable
from support.pages import serving
from support.visitors import id_of, signed
from support.widget_pages import HOST, ROOT, Site, Widget, known_key, site

from app.testing.server import eventually, new_session_id, script

TEXT = "So it goes on, wörd by 🙂, to the **end**."
SHOWN = "So it goes on, wörd by 🙂, to the end."
TOKENS = [TEXT[at : at + 3] for at in range(0, len(TEXT), 3)]
LAST = f"[...{ROOT}.querySelectorAll('.bot .text')].pop()?.innerText"
IDLE = f"!{ROOT}.querySelector('.send.stop')"
STORED = "JSON.parse(Object.values(localStorage)[0])"

HALF = "".join(TOKENS[:4])
NUMBERS = count()


def told(*, seconds: float) -> str:
    """A question of its own, whose answer pauses for so long in its middle."""
    pause = {"pause": seconds + next(NUMBERS) / 1000}
    return script({"burst": TOKENS[:4]}, pause, {"burst": TOKENS[4:]})


class Old(BaseHTTPRequestHandler):
    """A server of before answers were read on: it says half of one, and breaks off. Below `/torn` it is one that says
    all, on a connection that breaks right behind the end."""

    protocol_version = "HTTP/1.1"

    def do_OPTIONS(self) -> None:
        self._reply(204, {"Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*"})

    def do_GET(self) -> None:
        self._reply(204 if self.path in ("/v1/chat/widget", "/torn/v1/chat/widget") else 405, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        lines = [{"type": "start", "conversationId": "1"}, {"type": "token", "token": HALF}]
        torn = self.path.startswith("/torn")
        if torn:
            lines.append({"type": "done", "messageId": "1", "sources": [], "cursor": f"{'1' * 32}.{len(HALF)}.end"})
        more = {"Content-Length": "1000"} if torn else {}
        self._reply(200, {"Connection": "close", **more}, "".join(f"{json.dumps(line)}\n" for line in lines))
        time.sleep(0.3 * torn)  # what stands right before a break is lost with it

    def _reply(self, status: int, headers: dict[str, str], body: str = "") -> None:
        self.send_response(status)
        for name, value in {"Access-Control-Allow-Origin": "*", "Content-Length": f"{len(body)}", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def old() -> Iterator[str]:
    with serving(Old) as url:
        yield url


@pytest.fixture(scope="module")
def line(server) -> Iterator[Cable]:
    with cable(server.port) as laid:
        yield laid


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser, line, old) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "plain.html").write_text("<!doctype html><title>Elsewhere</title><p>No chat here")
    with site(folder, server, browser, f"{line.url} {old}") as made:
        yield made


def online(widget: Widget, *, yes: bool) -> None:
    widget.browser.call(
        "Network.emulateNetworkConditions", offline=not yes, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )


def begun(widget: Widget, question: str) -> None:
    """The answer's first half is seen."""
    widget.js("ParlanceChat.open()")
    assert widget.send(question)
    widget.until(f"{LAST} === {json.dumps(HALF)}")


def stored(shop: Site, question: str) -> list[tuple[str, str, str]]:
    """Role, status and text of all messages in the conversation with the question."""
    return [(each["role"], each["status"], each["text"]) for each in shop.server.messages(conversation(shop, question))]


def conversation(shop: Site, question: str) -> str:
    """The id of the only one with the question."""
    rows = shop.server.rows("SELECT conversation_id, parts FROM messages WHERE role = 'user'")
    asked = [row["conversation_id"] for row in rows if json.loads(row["parts"])[0]["text"] == question]
    (found,) = asked
    return str(found)


def charged(shop: Site, question: str) -> list[int]:
    """What each of the conversation's answers has cost its key, also those that count no more."""
    costs = "SELECT credits FROM messages WHERE conversation_id = ? AND role = 'assistant'"
    return [row["credits"] for row in shop.server.rows(costs, conversation(shop, question))]


def posts(widget: Widget) -> list[Any]:
    sent = [
        each["params"]["request"] for each in widget.browser.events if each["method"] == "Network.requestWillBeSent"
    ]
    return [each for each in sent if each["method"] == "POST"]


def whole(shop: Site, widget: Widget, question: str) -> None:
    widget.until(f"{LAST} === {json.dumps(SHOWN)} && {IDLE}", 20)
    assert widget.texts("[role=log] .text")[1:] == [question, SHOWN]
    assert widget.texts(".notice") == []
    assert widget.js(f"{STORED}.messages.map(each => each.text)") == [question, TEXT]
    assert widget.js(f"{STORED}.running === undefined")
    assert stored(shop, question) == [("user", "complete", question), ("assistant", "complete", TEXT)]
    assert charged(shop, question) == [1]
    assert len(posts(widget)) == 1


def test_after_a_reload_it_reads_on(shop) -> None:
    question = told(seconds=2)
    widget = shop.opened()
    begun(widget, question)
    widget.reload()
    assert widget.js(LAST).startswith(HALF), "what had come is there at once"
    widget.reload()
    whole(shop, widget, question)


def test_on_another_page_of_the_visit_it_reads_on_and_one_without_a_chat_between_does_no_harm(shop) -> None:
    question = told(seconds=3)
    widget = shop.opened()
    (shop.folder / "two.html").write_text((shop.folder / "index.html").read_text().replace("A shop<", "Two<"))
    begun(widget, question)
    widget.js("location.href = '/plain.html'")
    widget.until("document.title === 'Elsewhere'")
    widget.js("location.href = '/two.html'")
    widget.until(f"document.title === 'Two' && !!{HOST}")
    whole(shop, widget, question)


def test_what_has_ended_meanwhile_comes_from_the_store(shop) -> None:
    question = told(seconds=0.5)
    widget = shop.opened()
    begun(widget, question)
    widget.js("location.href = '/plain.html'")
    widget.until("document.title === 'Elsewhere'")
    eventually(lambda: len(stored(shop, question)) == 2)
    widget.js("location.href = '/'")
    widget.until(f"document.title === 'A shop' && !!{HOST}")
    whole(shop, widget, question)


def test_a_page_that_the_browser_had_put_aside_reads_on(shop) -> None:
    question = told(seconds=2)
    widget = shop.opened()
    begun(widget, question)
    widget.js("location.href = '/plain.html'")
    widget.until("document.title === 'Elsewhere'")
    widget.js("history.back()")
    widget.until(f"document.title === 'A shop' && !!{HOST}")
    whole(shop, widget, question)


@pytest.mark.parametrize("seconds", [0.5, 4], ids=["it ends meanwhile", "it runs still"])
@pytest.mark.parametrize("is_told", [True, False], ids=["told of the network", "not told"])
def test_without_a_network_for_a_while_it_reads_on(shop, line, seconds, is_told) -> None:
    question = told(seconds=seconds)
    widget = shop.opened(data_endpoint=f"{line.url}/chat")
    begun(widget, question)
    if is_told:
        online(widget, yes=False)
    line.cut()
    widget.js("new Promise(resolve => setTimeout(resolve, 2000))")
    assert widget.js(f"{LAST} === {json.dumps(HALF)} && !{IDLE}"), "it has not given up"
    line.mend()
    if is_told:
        online(widget, yes=True)
    whole(shop, widget, question)


@pytest.mark.parametrize("click", [False, True], ids=["when there is a network", "by a click"])
def test_one_that_was_given_up_goes_on(shop, line, click) -> None:
    """Half a minute without a network is shortened: its timers are quick here."""
    question = told(seconds=0.5)
    widget = shop.opened(data_endpoint=f"{line.url}/chat")
    begun(widget, question)
    widget.js("{ const real = setTimeout; setTimeout = (call, ms) => real(call, ms > 900 && ms < 20000 ? 50 : ms) }")
    if not click:
        online(widget, yes=False)
    line.cut()
    widget.shows("The connection broke. This answer is not complete.")
    eventually(lambda: len(stored(shop, question)) == 2)
    line.mend()
    if click:
        widget.press(".retry")
    else:
        online(widget, yes=True)
    whole(shop, widget, question)


def test_one_that_nobody_came_back_to_in_time_is_told_as_far_as_it_was_kept(shop, start, tmp_path) -> None:
    hasty = start(changes={"[server]\n": "[server]\nrejoin_seconds = 0.5\n"})
    with cable(hasty.port) as way, site(tmp_path, shop.server, shop.browser, way.url) as visited:
        key = known_key(hasty, "open", "--origin", visited.origin)
        widget = visited.opened(data_endpoint=f"{way.url}/chat", data_api_key=key)
        begun(widget, told(seconds=60))
        way.cut()
        eventually(lambda: hasty.rows("SELECT 1 FROM messages WHERE status = 'interrupted'"))
        way.mend()
        widget.shows("The connection broke. This answer is not complete.")
        assert widget.texts(".bot .text")[-1] == HALF


def test_a_connection_that_breaks_again_and_again_loses_nothing_and_says_nothing_twice(shop, line) -> None:
    chosen = random.Random(next(NUMBERS))
    steps = [step for number in range(50) for step in ({"text": f"{number} "}, {"pause": 0.1})]
    question = script(*steps, {"pause": next(NUMBERS) / 1000})
    widget = shop.opened(data_endpoint=f"{line.url}/chat")
    widget.js("window.heard = ''; ParlanceChat.on('token', ({ token }) => { heard += token })")
    assert widget.send(question)
    for _ in range(4):
        widget.js(f"new Promise(resolve => setTimeout(resolve, {chosen.randint(100, 1500)}))")
        line.cut()
        line.mend()
    widget.until(f"heard.includes('49') && {IDLE}", 20)
    expected = "".join(f"{number} " for number in range(50))
    assert widget.js("heard") == expected
    assert widget.texts(".bot .text")[-1] == expected.strip()
    assert stored(shop, question)[1:] == [("assistant", "complete", expected)]
    assert charged(shop, question) == [1]


def test_a_question_that_may_not_have_arrived_is_sent_again_with_its_key(shop, line) -> None:
    question = told(seconds=0)
    widget = shop.opened(data_endpoint=f"{line.url}/chat")
    line.cut()
    assert widget.send(question)
    widget.shows("The chat cannot be reached at the moment.")
    line.mend()
    widget.press(".retry")
    widget.until(f"{LAST} === {json.dumps(SHOWN)} && {IDLE}", 20)
    first, second = (each["headers"]["idempotency-key"] for each in posts(widget))
    assert first == second
    assert charged(shop, question) == [1]


def test_a_question_before_whose_answer_the_page_was_left_is_not_asked_twice(shop) -> None:
    question = script({"pause": 1 + next(NUMBERS) / 1000}, {"burst": TOKENS})
    widget = shop.opened()
    assert widget.send(question)
    widget.until(f"performance.getEntriesByType('resource').length && !{IDLE}")
    eventually(lambda: shop.server.rows("SELECT 1 FROM messages WHERE status = 'running'"))
    widget.reload()
    whole(shop, widget, question)


def test_a_tab_that_is_opened_in_mid_answer_shows_it_too(shop) -> None:
    question = told(seconds=2)
    first = shop.opened()
    begun(first, question)
    second = first.another_tab()
    second.until(f"{LAST} === {json.dumps(HALF)}")
    for tab in (first, second):
        tab.until(f"{LAST} === {json.dumps(SHOWN)} && {IDLE}")
        assert tab.texts("[role=log] .text")[1:] == [question, SHOWN]
    whole(shop, first, question)


def test_what_one_tab_stops_is_stopped_in_the_other(shop) -> None:
    question = told(seconds=60)
    first = shop.opened()
    begun(first, question)
    second = first.another_tab()
    second.until(f"{LAST} === {json.dumps(HALF)}")
    second.press(".send.stop")
    for tab in (first, second):
        tab.until(f"!!{ROOT}.querySelector('.notice.stopped') && {IDLE}")
        assert tab.texts("[role=log] .text")[1:] == [question, HALF]


def test_stop_ends_it_at_the_server_and_shows_what_was_kept(shop) -> None:
    question = told(seconds=60)
    widget = shop.opened()
    begun(widget, question)
    widget.press(".send.stop")
    widget.until(f"!!{ROOT}.querySelector('.notice.stopped')")
    assert stored(shop, question) == [("user", "complete", question), ("assistant", "interrupted", HALF)]
    assert widget.texts("[role=log] .text")[1:] == [question, HALF]
    assert charged(shop, question) == [1]
    widget.reload()
    assert widget.texts("[role=log] .text")[1:] == [question, HALF], "nothing runs to come back to"
    assert widget.js(IDLE)
    widget.press(".retry")
    widget.until(f"{LAST} === {json.dumps(HALF)} && !{IDLE}")
    widget.press(".send.stop")
    widget.until(f"!!{ROOT}.querySelector('.notice.stopped')")
    assert len(posts(widget)) == 2, "trying again is asking anew"


def test_a_new_conversation_ends_the_answer_of_the_old_one(shop) -> None:
    question = told(seconds=60)
    widget = shop.opened()
    begun(widget, question)
    widget.begin_anew()
    eventually(lambda: stored(shop, question)[1:] == [("assistant", "interrupted", HALF)])


def test_a_visitor_comes_back_to_the_running_answer_on_another_device(shop) -> None:
    key_id = id_of(shop.server, shop.key)
    token = signed(shop.server.flask("keys", "visitor-secret", key_id).stdout.strip(), new_session_id())
    question = told(seconds=3)
    widget = shop.opened(data_visitor=token)
    begun(widget, question)
    widget.reload()
    widget.until(f"{LAST} === {json.dumps(HALF)}")
    assert widget.js("localStorage.length") == 0
    other = shop.opened(data_visitor=token)  # a window that knows nothing
    other.until(f"{LAST} === {json.dumps(SHOWN)} && {IDLE}", 20)
    assert other.texts("[role=log] .text")[1:] == [question, SHOWN]
    assert stored(shop, question) == [("user", "complete", question), ("assistant", "complete", TEXT)]


def test_where_the_server_knows_none_of_it_what_came_stays_as_before(shop, old) -> None:
    widget = shop.opened(data_endpoint=f"{old}/chat")
    begun(widget, "Hello?")
    widget.shows("The connection broke. This answer is not complete.")
    assert widget.texts("[role=log] .text")[1:] == ["Hello?", HALF]
    widget.press(".retry")
    widget.until(f"{ROOT}.querySelector('.typing') === null")
    widget.shows("The connection broke.")
    widget.reload()
    assert widget.texts("[role=log] .text")[1:] == ["Hello?", HALF]


def test_whose_connection_breaks_behind_the_end_has_heard_all(shop, old) -> None:
    widget = shop.opened(data_endpoint=f"{old}/torn/chat")
    widget.js("ParlanceChat.open()")
    assert widget.send("Hello?")
    widget.until(f"{LAST} === {json.dumps(HALF)} && {IDLE}")
    assert widget.texts(".notice, .retry") == []
    assert len(posts(widget)) == 1
