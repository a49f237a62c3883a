"""The reference and the playground, looked at by axe-core: in light and dark, on a desk and on a phone."""

from collections.abc import Iterator

import pytest
from support.axe import prefer, resize, violations
from support.chromium import Chromium
from support.playground import CHANGES, CHAT, READY, ask, choose, sign_in, take
from support.users import Person

from app.testing.server import Server

looks = pytest.mark.parametrize(
    ("scheme", "width", "height"),
    [(scheme, width, 3000) for width in (1280, 390) for scheme in ("light", "dark")],  # high: nothing scrolls
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("pages"), changes=CHANGES) as running:
        yield running


@pytest.fixture
def page(browser, server, scheme, width, height) -> Chromium:
    """The playground."""
    show(browser, f"{server.url}/", scheme, width, height)
    browser.until(READY)
    return browser


def show(browser: Chromium, url: str, scheme: str, width: int, height: int) -> None:
    browser.open(url)
    prefer(browser, scheme)
    resize(browser, width, height)
    browser.until("document.readyState === 'complete'")


@looks
def test_the_reference(browser, server, scheme, width, height) -> None:
    show(browser, f"{server.url}/docs", scheme, width, height)
    # One of each kind of thing: all of them would take axe a minute.
    browser.evaluate("document.querySelectorAll('article:nth-of-type(n + 3)').forEach(each => each.remove())")
    browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert violations(browser, hidden=width < 480) == []  # its tables of failures scroll there
    assert browser.evaluate(
        "[...document.querySelectorAll('.fields')].every(each => each.scrollWidth <= each.parentElement.clientWidth)"
    )


@looks
def test_the_playground_with_an_answer_and_a_refusal(page) -> None:
    assert violations(page) == []
    assert "84" in ask(page, "What is 12 * 7?")
    page.evaluate("document.querySelector('#key').value = 'sk_wrong'")
    page.evaluate("document.querySelector('#question').value = 'And now?'")
    page.evaluate("document.querySelector('#ask').requestSubmit()")
    page.until("!!document.querySelector('.failed')")
    assert violations(page) == []
    for wire in ("widget", "agents", "chats"):
        take(page, wire)
        assert violations(page) == []


@looks
def test_the_playground_with_a_workflow_some_of_whose_steps_were_skipped(page, server) -> None:
    sign_in(page, Person.new(server))
    choose(page, "#workflow", "Price with tax")
    assert violations(page) == []
    assert "47.6" in ask(page, "What is 40 euros with tax?")
    page.until("!!document.querySelector('.skipped')")
    assert violations(page) == []


@looks
def test_the_welcome_with_a_key_and_the_sample_page(page, server) -> None:
    page.evaluate(f"location.hash = '{server.key('widget', 'open')}'")
    page.until(f"!!{CHAT}")
    page.until("document.querySelector('#key-state').textContent.startsWith('The chat is on')")
    assert violations(page) == []
    page.call("Page.navigate", url=f"{server.url}/playground/sample")
    page.until("!!document.querySelector('parlance-chat')")
    assert violations(page, hidden=True) == []
