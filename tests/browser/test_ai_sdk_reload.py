"""`useChat` with `resume: true`, of each version of the SDK, and what Vue and Svelte have in its place, in a page of
another origin that is reloaded, or cut off, in mid-answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.cable import Cable, cable
from support.pages import served
from support.sdk import config
from support.sdk_pages import ANSWERS, ERROR, LAST, STATUS, Page, build_page
from support.widget_pages import known_key

from app.testing.server import Server, new_session_id, script

PATIENT = """
[agents.patient]
model = "scripted"
widget_key_wires = ["agents"]
tools = ["calculator"]
when_left = 60
"""
SLOW = script({"text": "First"}, {"call": "calculator", "args": {"expression": "17 * 23"}}, {"text": ", second"},
              {"pause": 1}, {"text": " and last."})  # fmt: skip
SAID = 'First\n\ncalculator {"expression":"17 * 23"} → "391"\n, second and last.'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def origin(folder) -> Iterator[str]:
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module", params=["5", "6", "newest", "vue", "svelte"])
def version(request, folder) -> str:
    if not (folder / request.param).exists():
        build_page(folder, request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shop"), config=config(PATIENT)) as running:
        yield running


@pytest.fixture(scope="module")
def key(shop, origin) -> str:
    return known_key(shop, "patient", "--origin", origin, "--credits", "100")


@pytest.fixture(scope="module")
def line(shop) -> Iterator[Cable]:
    with cable(shop.port) as laid:
        yield laid


@pytest.fixture
def visit(browser, line, origin, key, version) -> Callable[[], Page]:
    def open_page() -> Page:
        api, chat = f"{line.url}/api/v2/agents/patient/chat", new_session_id()
        browser.open(f"{origin}/{version}/?{urlencode({'api': api, 'key': key, 'resume': 'yes', 'chat': chat})}")
        browser.until(f"{STATUS} === 'ready'")
        assert browser.evaluate(ERROR) is None, "a chat that does not exist yet is no error"
        return Page(browser, f"{api}/{chat}/stream")

    return open_page


def whole(page: Page, shop: Server) -> None:
    """The answer is, when it is there; it is shown once, and was asked for once."""
    page.browser.until(f"{STATUS} === 'ready' && {LAST}.endsWith('last.')")
    assert [" ".join(each.split()) for each in page.browser.evaluate(ANSWERS)] == [" ".join(SAID.split())]
    assert page.browser.evaluate("document.querySelectorAll('.user').length") == 1
    assert page.browser.evaluate(ERROR) is None
    name = page.api.split("/")[-2]
    (row,) = shop.rows("SELECT id FROM conversations WHERE external_id = ?", name)
    assert [each["status"] for each in shop.messages(row["id"])][1:] == ["complete"]


def test_a_page_that_is_reloaded_in_mid_answer_shows_it_whole_and_once(visit, shop) -> None:
    page = visit()
    page.ask(SLOW)
    page.browser.until(f"{LAST}.endsWith('second')")
    page.browser.reload()
    whole(page, shop)
    assert [each["method"] for each in page.browser.requests(page.api)].count("GET") == 2
    page.browser.reload()
    page.browser.until(f"{STATUS} === 'ready'")
    whole(page, shop)


@pytest.mark.parametrize("version", ["newest"], indirect=True)
def test_a_tab_that_is_seen_again_after_its_network_was_lost_reads_on(visit, shop, line) -> None:
    """React's newest alone: in that case 5 and 6 show what they had heard, and the whole answer behind it."""
    page = visit()
    page.ask(SLOW)
    page.browser.until(f"{LAST}.endsWith('second')")
    line.cut()
    page.browser.until(f"{STATUS} === 'error'")
    line.mend()
    page.browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    whole(page, shop)
