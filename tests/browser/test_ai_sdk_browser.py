"""A page of another origin with a stock `useChat` in it, in Chromium: from the preflight to the last word."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.pages import served
from support.sdk import NPM, VERSIONS, config, installed
from support.sdk_pages import ANSWERS, ERROR, LAST, OPTIONS, STATUS, Page, aliases, build_page
from support.widget_pages import known_key

from app.testing.server import Server, eventually, script

DOCUMENT = NPM.parents[2] / "docs" / "wires" / "agents.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The page, with each version of the SDK in it."""
    folder = tmp_path_factory.mktemp("pages")
    for version in VERSIONS:
        build_page(folder, version)
    return folder


@pytest.fixture(scope="module")
def origin(folder) -> Iterator[str]:
    """The one that the keys are bound to."""
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def allowed(folder) -> Iterator[str]:
    """One that the operator allows, but no key."""
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def unknown(folder) -> Iterator[str]:
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def shop(tmp_path_factory, allowed) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("shop")
    with Server(home, config=config(), env={"PARLANCE_ALLOWED_ORIGINS": allowed}) as running:
        yield running


@pytest.fixture(scope="module")
def keys(shop, origin) -> dict[str, str]:
    return {agent: known_key(shop, agent, "--origin", origin) for agent in ("shop", "site")}


@pytest.fixture(params=VERSIONS)
def visit(request, browser, shop, keys) -> Callable[..., Page]:
    def open_page(origin: str, agent: str = "shop", **options: str) -> Page:
        api = f"{shop.url}/api/v2/agents/{agent}/chat"
        browser.open(f"{origin}/{request.param}/?{urlencode({'api': api, 'key': keys[agent], **options})}")
        browser.until(f"{STATUS} === 'ready'")
        return Page(browser, api)

    return open_page


def test_a_page_of_another_origin_holds_a_conversation(visit, shop, origin, tmp_path) -> None:
    page = visit(origin, "site")
    page.ask("What is 17 * 23?")
    first = page.answered()
    assert 'calculator {"expression":"17 * 23"} → "391"' in first
    assert "17 * 23 = 391" in first
    page.ask("How do I change the rate limit?")
    second = page.answered()
    assert "Source: Configuration" in second
    assert "[limits]" in second
    assert len(page.browser.evaluate(ANSWERS)) == 2
    page.browser.screenshot(tmp_path / "usechat.png")
    assert (tmp_path / "usechat.png").read_bytes().startswith(b"\x89PNG")

    assert sorted(each["method"] for each in page.browser.requests(page.api)) == ["OPTIONS", "POST", "POST"]
    (row,) = shop.rows("SELECT * FROM conversations WHERE agent = 'site'")[-1:]
    assert [message["role"] for message in shop.messages(row["id"])] == ["user", "assistant"] * 2


def test_words_are_shown_as_they_come(visit, origin) -> None:
    page = visit(origin)
    page.ask(script({"text": "First"}, {"pause": 1.5}, {"text": " and last."}))
    page.browser.until(f"{STATUS} === 'streaming' && {LAST} === 'First'")
    assert page.answered() == "First and last."


def test_stop_ends_the_answer_here_and_there(visit, origin, shop) -> None:
    page = visit(origin)
    page.ask(script({"text": "Stopped here"}, {"pause": 20}, {"text": "never"}))
    page.browser.until(f"{LAST} === 'Stopped here'")
    page.browser.click("#stop")
    page.browser.until(f"{STATUS} === 'ready'")
    query = "SELECT * FROM messages WHERE status = 'interrupted' AND parts LIKE '%Stopped here%'"
    eventually(lambda: shop.rows(query))
    page.ask(script({"text": "Going on."}))
    assert page.answered() == "Going on."
    assert page.browser.evaluate(ERROR) is None


def test_the_page_runs_its_own_tool_and_the_answer_goes_on(visit, origin) -> None:
    page = visit(origin)
    page.ask(script({"text": "One moment."}, {"call": "confirm", "args": {"question": "Sure?"}}, {"text": "Thanks."}))
    assert page.answered().startswith("One moment.")
    page.browser.click("#yes")
    page.browser.until(f"{LAST}.endsWith('Thanks.')")
    assert 'confirm {"question":"Sure?"} → "yes"' in page.answered()
    assert len(page.browser.evaluate(ANSWERS)) == 1
    page.browser.click("#again")
    page.browser.until(f"{STATUS} === 'ready' && !{LAST}.includes('Thanks.')")
    assert len(page.browser.evaluate(ANSWERS)) == 1


def test_a_page_that_sends_credentials_and_reads_on_holds_a_conversation(visit, origin) -> None:
    page = visit(origin, credentials="include", resume="yes")
    page.ask(script({"text": "With credentials."}))
    assert page.answered() == "With credentials."
    assert page.browser.evaluate(ERROR) is None
    asked = page.browser.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
    assert any(url.startswith(f"{page.api}/") and url.endswith("/stream") for url in asked)


def test_a_page_of_no_known_origin_is_refused_at_the_preflight(visit, unknown, shop) -> None:
    page = visit(unknown)
    page.ask("Let me in.")
    assert page.browser.until(ERROR) == "Failed to fetch"
    assert not shop.rows("SELECT * FROM messages WHERE parts LIKE '%Let me in.%'")


def test_a_page_with_the_key_of_another_page_reads_why_it_is_refused(visit, allowed, shop) -> None:
    page = visit(allowed)
    page.ask("Let me in, too.")
    assert "AUTH_INSUFFICIENT_PERMISSIONS" in page.browser.until(ERROR)
    assert not shop.rows("SELECT * FROM messages WHERE parts LIKE '%Let me in, too.%'")


def test_errors_of_the_server_can_be_read_in_the_page(visit, origin) -> None:
    page = visit(origin)
    page.ask(script({"refuse": "overloaded"}))
    assert "SERVICE_OVERLOADED" in page.browser.until(ERROR)
    page.ask(script({"text": "So far"}, {"fail": "upstream_failed"}))
    assert page.browser.until(f"{STATUS} === 'error' && {LAST} === 'So far' && {ERROR}") == "The model failed to answer"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_page_that_the_documentation_prints_holds_a_conversation(version, browser, shop, tmp_path) -> None:
    with served(tmp_path) as origin:
        (page,) = re.findall("```tsx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        given = {
            "https://chat.example": shop.url,
            "/demo/": "/site/",
            "wk_…": known_key(shop, "site", "--origin", origin),
        }
        for printed, ours in given.items():
            assert printed in page
            page = page.replace(printed, ours)
        page += "import { createRoot } from 'react-dom/client'; createRoot(document.body).render(<Chat />);"
        made = f"--outfile={tmp_path}/page.js"
        command = ["node_modules/.bin/esbuild", "--loader=tsx", *OPTIONS, *aliases(version), made]
        subprocess.run(command, cwd=installed(), input=page, text=True, check=True, timeout=60)
        (tmp_path / "index.html").write_text("<!doctype html><body></body><script src=page.js></script>")

        browser.open(f"{origin}/")
        said, ended = (
            "[...document.querySelectorAll('p')].map(each => each.innerText)",
            "!document.body.innerText.includes('Stop')",
        )
        for question, answer in (("What is 17 * 23?", "17 * 23 = 391"), ("What is 6 * 7?", "6 * 7 = 42")):
            browser.click("input")
            browser.type(question)
            browser.until(f"{said}.slice(-2).join() === 'user: {question},assistant: {answer}' && {ended}")
        assert len(browser.evaluate(said)) == 4
