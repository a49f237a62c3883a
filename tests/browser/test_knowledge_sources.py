"""From an owner's site to an answer in the widget, and from its source back to the site: as docs/getting-started.md has
it."""

from collections.abc import Iterator

import pytest
from support.chromium import Chromium
from support.playground import CHAT, READY, press
from support.site import Site, answer, pdf, running_site

from app.testing.server import Server, eventually

CONFIG = """
[models.builtin]
provider = "builtin"
pace = 0

[agents.shop]
name = "Shop"
tools = ["knowledge"]
model = "builtin"
public = true
"""
LAST = f"[...{CHAT}.querySelectorAll('[role=log] .bot')].pop()"
FINISHED = f"!{CHAT}.querySelector('.send.stop')"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as made:
        made.html("/", "<h1>A bookshop</h1><p>Books, second-hand and new.</p>", "<title>A bookshop</title>")
        made.html("/hours", "<h1>Opening hours</h1><p>We are open from nine to five, Monday to Friday.</p>")
        made.html("/gift", "<h1>Gift wrapping</h1><p>We wrap every book as a gift, with a card of your own words.</p>")
        made.pages["/postage.pdf"] = answer(
            pdf("Postage\n\nPostage abroad costs seven euros a parcel."), "application/pdf"
        )
        made.sitemap("/sitemap.xml", "/", "/hours", "/gift", "/postage.pdf")
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory, site) -> Iterator[Server]:
    """Serves what `flask knowledge add` has read."""
    server = Server(tmp_path_factory.mktemp("owner"), config=CONFIG)
    server.make_database()
    added = server.flask("knowledge", "add", f"{site.url}/", "--pace", "0", "--private-host", site.host)
    assert "4 read" in added.stdout, (added.stdout, added.stderr)
    with server:
        yield server


@pytest.fixture
def page(browser, server) -> Chromium:
    """With a key behind the address, as the first start prints it."""
    browser.open(f"{server.url}/#{server.key('widget', 'shop')}")
    browser.until(f"{READY} && !!{CHAT}")
    return browser


def follow(page: Chromium, site: Site, path: str, place: str = "") -> None:
    """The chip below the last answer, with the mouse: its page is opened."""
    site.asked.clear()
    chip = f"{LAST}.querySelector('a.chip')"
    assert page.until(f"{chip}?.href") == f"{site.url}{path}{place}"
    box = f"{chip}.getBoundingClientRect()"
    frame = "document.querySelector('#sample').getBoundingClientRect()"
    page.evaluate("document.querySelector('#sample').scrollIntoView()")
    x, y = page.evaluate(
        f"((box, frame) => [frame.x + box.x + box.width / 2, frame.y + box.y + box.height / 2])({box}, {frame})"
    )
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    eventually(lambda: path in site.paths)


def test_a_question_that_is_offered_is_answered_from_a_page_which_its_source_opens(page, site) -> None:
    page.until("!!document.querySelector('#questions button')", 30)  # the knowledge is indexed by then
    press(page, "#questions", "What are the opening hours?")
    page.until(f"{FINISHED} && {LAST}.textContent.includes('from nine to five')")
    follow(page, site, "/hours")


def test_a_question_is_answered_from_a_pdf_which_its_source_opens(page, site) -> None:
    page.evaluate("document.querySelector('#sample').contentWindow.ParlanceChat.open()")
    page.evaluate(f"{CHAT}.querySelector('textarea').focus()")
    page.type("What does postage abroad cost?")
    page.until(f"{FINISHED} && {LAST}.textContent.includes('seven euros')")
    follow(page, site, "/postage.pdf", "#page=1")
