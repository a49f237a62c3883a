"""Visitors for whom the widget's site vouches, in Chromium: their history follows them, and stays theirs."""

import hashlib
import time
from collections.abc import Iterator

import pytest
import requests
from support.visitors import chat, history, signed, stop
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import eventually, new_session_id, script


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("visited"), server, browser) as made:
        yield made


@pytest.fixture(scope="module")
def secret(server, shop) -> str:
    digest = hashlib.sha256(shop.key.encode()).hexdigest()
    key_id = server.rows("SELECT id FROM keys WHERE hash = ?", digest)[0]["id"]
    return server.flask("keys", "visitor-secret", key_id).stdout.strip()


def questions(widget: Widget) -> list[str]:
    return widget.texts("[role=log] .user .text")


def asks(widget: Widget, *expected: str) -> None:
    """Waits until these are the questions that are shown."""
    widget.until(f"{ROOT}.querySelectorAll('.user').length === {len(expected)}")
    assert questions(widget) == list(expected)


def elsewhere(shop: Site, token: str, text: str) -> None:
    """The visitor goes on with the latest conversation on another device."""
    name = history(shop.server, shop.key, token).json()["sessionId"]
    assert chat(shop.server, shop.key, token, text, name).status_code == 200


def reload(shop: Site, widget: Widget, old: str, new: str) -> None:
    """The page has another token now."""
    page = shop.folder / "index.html"
    assert old in page.read_text()
    page.write_text(page.read_text().replace(old, new))
    widget.reload()
    widget.js("ParlanceChat.open()")


def online(widget: Widget, *, yes: bool) -> None:
    widget.browser.call(
        "Network.emulateNetworkConditions", offline=not yes, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )


def test_a_visitors_history_is_there_on_another_device(shop, secret) -> None:
    first = shop.opened(data_visitor=f"\n  {signed(secret, 'ada')}\n")  # as a template may write it
    assert first.ask("hello") == "Hello"
    second = shop.opened(data_visitor=signed(secret, "ada"))  # it knows nothing of the first one's storage
    asks(second, "hello")
    assert second.ask("and then?") == "Hello"
    third = shop.opened(data_visitor=signed(secret, "ada"))
    asks(third, "hello", "and then?")


def test_a_device_that_knows_the_visitor_shows_what_was_said_on_others(shop, secret) -> None:
    token = signed(secret, "bob")
    widget = shop.opened(data_visitor=token)
    assert widget.ask("one") == "Hello"
    elsewhere(shop, token, "two")
    widget.reload()
    asks(widget, "one", "two")
    assert widget.ask("three") == "Hello"
    (stored,) = [history(shop.server, shop.key, token).json()["messages"]]
    assert [each["message"] for each in stored if each["role"] == "user"] == ["one", "two", "three"]


def test_a_page_that_is_open_since_before_the_first_message_joins_the_conversation(shop, secret) -> None:
    token = signed(secret, "bea")
    widget = shop.opened(data_visitor=token)
    assert chat(shop.server, shop.key, token, "one").status_code == 200
    assert widget.ask("two") == "Hello"
    asks(widget, "one", "two")
    widget.reload()
    asks(widget, "one", "two")


def test_a_new_conversation_is_still_new_after_a_reload(shop, secret) -> None:
    token = signed(secret, "eve")
    widget = shop.opened(data_visitor=token)
    assert widget.ask("old") == "Hello"
    widget.begin_anew()
    widget.reload()
    assert widget.ask("new") == "Hello"
    assert questions(widget) == ["new"]
    assert widget.js("localStorage.length") == 0, "from now on the server knows"
    elsewhere(shop, token, "newer")
    widget.reload()
    asks(widget, "new", "newer")


def test_the_browser_keeps_no_word_and_shows_none_to_whom_nobody_vouches_for(shop, secret) -> None:
    token, forged = signed(secret, "flo"), signed("wrong", "flo")
    widget = shop.opened(data_visitor=token)
    assert widget.ask("my secret") == "Hello"
    assert widget.js("JSON.stringify(localStorage)") == "{}"
    reload(shop, widget, token, forged)
    widget.shows("The chat is not available here.")
    assert questions(widget) == []


def test_the_next_visitor_at_the_same_computer_sees_nothing_of_it(shop, secret) -> None:
    carol, dora = signed(secret, "carol"), signed(secret, "dora")
    widget = shop.opened(data_visitor=carol)
    assert widget.ask("my secret") == "Hello"
    reload(shop, widget, carol, dora)
    assert widget.ask("who am I?") == "Hello"
    assert questions(widget) == ["who am I?"]
    reload(shop, widget, dora, carol)
    asks(widget, "my secret")


def test_a_visitor_who_is_not_signed_for_is_told_that_the_chat_is_not_for_them(shop) -> None:
    widget = shop.opened(data_visitor=signed("wrong", "ada"))
    assert widget.send("hello")
    widget.until(f"{ROOT}.querySelector('.user + .bot')?.innerText.includes('The chat is not available here.')")
    assert questions(widget) == ["hello"]


def test_a_token_that_has_expired_is_told_and_a_new_one_goes_on(shop, secret) -> None:
    good, over = signed(secret, "gil"), signed(secret, "gil", time.time() - 5)
    assert chat(shop.server, shop.key, good, "one").status_code == 200
    widget = shop.opened(data_visitor=over)
    widget.shows("Your sign-in has ended. Please reload the page.")
    assert questions(widget) == []
    widget.js(f"ParlanceChat.visitor('{good}')")
    asks(widget, "one")
    widget.js(f"ParlanceChat.visitor('{over}'); ParlanceChat.on('error', each => {{ window.told = each.state }})")
    assert widget.send("two")
    widget.shows("Your sign-in has ended.")
    assert widget.js("told") == "expired"
    widget.js(f"ParlanceChat.visitor('{good}')")
    widget.click(".retry")
    widget.shows("Hello")
    asks(widget, "one", "two")


def test_a_page_may_bring_a_new_token_as_soon_as_the_old_one_is_refused(shop, secret) -> None:
    good, over = signed(secret, "mia"), signed(secret, "mia", time.time() - 5)
    assert chat(shop.server, shop.key, good, "one").status_code == 200
    widget = shop.opened()
    widget.js(f"ParlanceChat.on('error', ({{ state }}) => state === 'expired' && ParlanceChat.visitor('{good}'))")
    widget.js(f"ParlanceChat.visitor('{over}')")
    asks(widget, "one")
    assert widget.texts(".notice") == []


def test_a_page_signs_visitors_in_and_out_without_a_reload(shop, secret) -> None:
    token = signed(secret, "hal")
    assert chat(shop.server, shop.key, token, "mine").status_code == 200
    widget = shop.opened()
    assert widget.ask("anybody's") == "Hello"
    widget.js(f"ParlanceChat.visitor('{token}')")
    asks(widget, "mine")
    assert widget.send(script({"text": "Half"}, {"pause": 60}))
    widget.shows("Half")
    widget.js(f"{ROOT}.querySelector('textarea').value = 'a draft'")
    widget.js("ParlanceChat.visitor(null)")
    asks(widget, "anybody's")
    assert widget.js(f"{ROOT}.querySelector('textarea').value") == ""
    assert widget.ask("still nobody") == "Hello"
    said = [each["message"] for each in history(shop.server, shop.key, token).json()["messages"]]
    assert "still nobody" not in said


@pytest.mark.parametrize("token", ["ada", "1.2.ada", " ", "1795290000.9b1c.ada\\n"])
def test_what_is_no_token_is_told_to_the_page(shop, token) -> None:
    widget = shop.opened()
    with pytest.raises(AssertionError, match="no visitor's token"):
        widget.js(f"ParlanceChat.visitor('{token}')")
    assert widget.ask("hello") == "Hello"


def test_where_the_server_cannot_be_reached_the_history_comes_when_it_can(shop, secret) -> None:
    token = signed(secret, "ida")
    assert chat(shop.server, shop.key, token, "one").status_code == 200
    widget = shop.opened()
    online(widget, yes=False)
    widget.js(f"ParlanceChat.visitor('{token}')")
    widget.shows("The chat cannot be reached at the moment.")
    assert widget.send("two")
    widget.until(f"{ROOT}.querySelector('.user + .bot')?.innerText.includes('The chat cannot be reached')")
    online(widget, yes=True)
    widget.click(".retry")
    widget.until(f"{ROOT}.querySelectorAll('[role=log] .bot').length === 3")
    asks(widget, "one", "two")
    said = [each["message"] for each in history(shop.server, shop.key, token).json()["messages"]]
    assert said == ["one", "Hello", "two", "Hello"]


def test_a_history_that_cannot_be_read_can_be_tried_again(shop, secret) -> None:
    token = signed(secret, "jon")
    assert chat(shop.server, shop.key, token, "one").status_code == 200
    widget = shop.opened()
    online(widget, yes=False)
    widget.js(f"ParlanceChat.visitor('{token}')")
    widget.shows("The chat cannot be reached at the moment.")
    online(widget, yes=True)
    widget.click(".retry")
    asks(widget, "one")


def test_after_a_reload_in_mid_answer_half_of_it_is_there_and_told_as_half(shop, secret) -> None:
    token = signed(secret, "kim")
    widget = shop.opened(data_visitor=token)
    question = script({"text": "Half of "}, {"pause": 60}, {"text": "it."})
    assert widget.send(question)
    widget.shows("Half of")
    widget.browser.call("Page.navigate", url="about:blank")
    session = history(shop.server, shop.key, token).json()["sessionId"]
    assert stop(shop.server, shop.key, token, session).json()["message"] == "Half of "
    widget = shop.opened(data_visitor=token)
    asks(widget, question)
    widget.shows("Half of")
    widget.shows("The connection broke. This answer is not complete.")
    assert widget.texts(".retry") == ["Try again"]


def test_a_question_that_has_no_answer_can_be_tried_again(shop, secret) -> None:
    token, question = signed(secret, "leo"), script({"pause": 60}, {"text": "Slowly"})
    headers = {"x-api-key": shop.key, "x-visitor": token}
    body = {"sessionId": new_session_id(), "message": question}
    with requests.post(f"{shop.server.url}/chat", json=body, headers=headers, stream=True, timeout=20) as answer:
        assert b"start" in next(answer.iter_lines())
    eventually(lambda: stop(shop.server, shop.key, token, body["sessionId"]).json()["status"] == "interrupted")
    widget = shop.opened(data_visitor=token)
    asks(widget, question)
    widget.shows("The connection broke.")
    assert widget.texts(".retry") == ["Try again"]
