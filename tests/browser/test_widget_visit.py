"""The chat widget over the pages of a visit: it stays open, and where it may not chat it is not there."""

from collections.abc import Iterator

import pytest
from support.pages import served
from support.widget_pages import HOST, ROOT, Site, Widget, known_key, site

from app.testing.server import Server, eventually, script

OPEN = f"!{ROOT}.querySelector('.panel').hidden"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("visits")
    (folder / "two.html").write_text("<!doctype html><title>Elsewhere</title><p>No chat here")
    with site(folder, server, browser) as made:
        yield made


def asked(shop: Site) -> int:
    """How often the page has asked whether it may chat; preflights are not counted."""
    sent = shop.browser.requests(f"{shop.server.url}/v1/chat/widget")
    return len([each for each in sent if each["method"] == "GET"])


def logged(widget: Widget) -> list[str]:
    widget.js("1")  # what was logged before has come by now
    calls = [each["params"]["args"] for each in widget.browser.events if each["method"] == "Runtime.consoleAPICalled"]
    return [args[0]["value"] for args in calls]


def narrow(widget: Widget, *, yes: bool) -> None:
    size = {"width": 390 if yes else 800, "height": 844, "deviceScaleFactor": 1, "mobile": yes}
    widget.browser.call("Emulation.setDeviceMetricsOverride", **size)


def test_it_stays_open_on_the_next_page_and_takes_no_focus_there(shop) -> None:
    widget = shop.opened()
    assert widget.ask(script({"text": "Go on reading."})) == "Go on reading."
    widget.js("location.href = '/two.html'")
    widget.until("document.title === 'Elsewhere'")
    widget.js("location.href = '/'")
    widget.until(f"document.title === 'A shop' && !!{HOST} && {OPEN}")
    assert widget.texts(".bot .text")[-1] == "Go on reading."
    assert widget.js("document.activeElement === document.body")
    assert widget.js(f"getComputedStyle({ROOT}.querySelector('.panel')).animationName") == "none"
    widget.click(".close")
    widget.reload()
    assert not widget.js(OPEN), "closed is closed"


def test_who_has_closed_it_does_not_find_it_open_again(shop) -> None:
    widget = shop.visit(data_open="")
    assert widget.js(OPEN)
    widget.click(".close")
    widget.reload()
    assert not widget.js(OPEN)


def test_on_a_phone_the_next_page_is_seen_first(shop) -> None:
    widget = shop.visit()
    narrow(widget, yes=True)
    widget.js("ParlanceChat.open()")
    widget.reload()
    assert not widget.js(OPEN)
    narrow(widget, yes=False)
    widget.reload()
    assert widget.js(OPEN)


def test_it_asks_once_a_visit_whether_it_may_chat(shop) -> None:
    widget = shop.visit()
    for _ in range(3):
        widget.reload()
    assert asked(shop) == 1
    assert logged(widget) == []


def test_on_a_page_where_it_is_not_allowed_it_is_not_there(shop, browser, tmp_path) -> None:
    (tmp_path / "favicon.ico").touch()
    with served(tmp_path) as elsewhere:
        foreign = Site(tmp_path, elsewhere, shop.server, shop.key, browser)
        widget = foreign.visit(data_open="", there=False)
        eventually(lambda: logged(widget))
        widget.js("told = []; ParlanceChat.on('error', each => told.push(each)); ParlanceChat.open()")
        assert widget.send("Let me in.") is False
        assert widget.js(f"{HOST} === null && told.length === 0")
        (line,) = logged(widget)
        assert line == (
            f"ParlanceChat: there is no chat here, since this key is not for pages of {elsewhere} (403: Forbidden)"
        )
        widget.js("document.body.replaceWith(document.body.cloneNode(false))")
        assert widget.js(f"{HOST} === null")


def test_with_a_key_that_is_none_it_is_not_there(shop) -> None:
    key = shop.server.key("widget")
    shop.server.flask("keys", "revoke", shop.server.flask("keys", "list").stdout.splitlines()[-1].split("\t")[0])
    known_key(shop.server)
    widget = shop.visit(data_api_key=key, there=False)
    eventually(lambda: logged(widget))
    assert widget.js("ParlanceChat.send('hello') === false")
    assert widget.js(f"{HOST} === null")
    assert "401: Unauthorized" in logged(widget)[0]


def test_an_owner_who_allows_the_page_finds_it_there_at_once(shop, browser, tmp_path) -> None:
    (tmp_path / "favicon.ico").touch()
    with served(tmp_path) as elsewhere:
        foreign = Site(tmp_path, elsewhere, shop.server, shop.key, browser)
        widget = foreign.visit(there=False)
        widget.until("typeof ParlanceChat === 'object' && ParlanceChat.send('hello') === false")
        key = known_key(shop.server, "open", "--origin", elsewhere)
        page = (tmp_path / "index.html").read_text().replace(shop.key, key)
        (tmp_path / "index.html").write_text(page)
        widget.browser.reload(ignoreCache=True)
        widget.until(f"!!{HOST}")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory) -> Iterator[Server]:
    """Takes one page a minute from each address."""
    with Server(
        tmp_path_factory.mktemp("crowded"), changes={'other = "100000/minute"': 'other = "1/minute"'}
    ) as running:
        yield running


def test_where_the_server_says_nothing_about_the_page_it_is_there(shop, crowded, tmp_path, browser) -> None:
    with site(tmp_path, shop.server, browser, crowded.url) as visited:
        key = crowded.key("widget")
        widget = visited.visit(data_endpoint=f"{crowded.url}/chat", data_api_key=key)  # its preflight is one too many
        assert widget.js(f"!!{HOST}")
        down = visited.visit(data_endpoint="http://127.0.0.1:9/chat")
        assert down.js(f"!!{HOST}")
        down.js("ParlanceChat.open()")
        down.send("Hello?")
        down.shows("The chat cannot be reached at the moment.")
        blocked = visited.visit(data_endpoint="/somewhere/else")  # not this wire: it is not asked
        assert blocked.js(f"!!{HOST}")


def test_a_key_that_is_withdrawn_during_the_visit_is_told_and_gone_on_the_next_page(shop) -> None:
    key = known_key(shop.server, "open", "--origin", shop.origin)
    widget = shop.opened(data_api_key=key)
    shop.server.flask("keys", "revoke", shop.server.flask("keys", "list").stdout.splitlines()[-1].split("\t")[0])
    known_key(shop.server)
    widget.send("Still there?")
    widget.shows("The chat is not available here.")
    widget.browser.reload()
    widget.until(
        "document.readyState === 'complete' && typeof ParlanceChat === 'object' && ParlanceChat.send('x') === false"
    )
    assert widget.js(f"{HOST} === null")
