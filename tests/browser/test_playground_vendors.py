"""The wires of vendors' APIs in the playground, and their code with the vendors' own SDKs."""

import json
from collections.abc import Iterator

import pytest
from support.chromium import Chromium
from support.playground import CHANGES, LETTERS, READY, RUNS, VENDORS, ask, click, enter, run, shown, take
from support.sdk import installed
from support.vendors import CLIENTS, PATHS, environment

from app.testing.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("playground"), changes=CHANGES) as running:
        yield running


@pytest.fixture
def page(browser, server) -> Chromium:
    browser.open(f"{server.url}/")
    browser.until(READY)
    return browser


@pytest.mark.parametrize(
    ("wire", "end"),
    [("openai", "data: [DONE]"), ("messages", '"type":"message_stop"'), ("responses", "data: [DONE]")],
)
def test_a_vendors_wire_goes_on_with_the_conversation_and_tells_no_calls_of_the_agents(page, server, wire, end) -> None:
    take(page, wire)
    assert "run unseen" in shown(page, "#hint")
    enter(page, "#key", server.key("secret"))
    assert "12 * 7 = 84" in ask(page, "What is 12 * 7?")
    said = ask(page, "What is 3 * 5?")
    assert [line for line in said.splitlines() if line] == [
        *("What is 12 * 7?", "12 * 7 = 84"),
        *("What is 3 * 5?", "3 * 5 = 15"),
    ]
    assert "200" in shown(page, "#status")
    assert shown(page, "#first").endswith(" ms")
    assert end in shown(page, "#raw")
    first, second = (json.loads(each["postData"]) for each in page.requests(f"{server.url}{PATHS[wire]}"))
    if wire == "responses":
        assert (second["input"], len(second["previous_response_id"])) == ("What is 3 * 5?", len("resp_") + 32)
    else:
        assert [each["content"] for each in second["messages"]] == ["What is 12 * 7?", "12 * 7 = 84", "What is 3 * 5?"]
    assert first["model"] == second["model"] == "open"


@pytest.mark.parametrize("language", RUNS)
@pytest.mark.parametrize("wire", VENDORS)
def test_the_code_of_a_vendors_wire_runs_with_the_vendors_own_sdk(page, server, language, wire) -> None:
    packages = CLIENTS / "npm-vendors"
    installed(packages)
    python = environment("clients") / "bin" / "python"
    take(page, wire)
    key = server.key("secret")
    enter(page, "#key", key)
    printed = run(page, language, packages, python, KEY=key)
    assert "84" in printed if language == "curl" else printed == "12 * 7 = 84"
    enter(page, "#question", LETTERS)
    run(page, language, packages, python, KEY=key)
    (asked,) = server.rows("SELECT parts FROM messages WHERE role = 'user' ORDER BY rowid DESC LIMIT 1")
    assert json.loads(asked["parts"]) == [{"type": "text", "text": LETTERS}]


@pytest.mark.parametrize("wire", VENDORS)
def test_a_vendors_wire_tells_its_refusals_in_words(page, server, wire) -> None:
    take(page, wire)
    enter(page, "#key", "sk_wrong")
    click(page, "#question")
    page.type("Hi")
    page.until("document.querySelector('.failed')?.textContent === 'Unauthorized'")
    assert shown(page, "#status").startswith("401")
    page.evaluate("document.querySelector('#key').value = ''")
    enter(page, "#key", server.key("secret", "slow"))
    click(page, "#fresh")
    click(page, "#question")
    page.type("Hi")
    page.until("document.querySelector('.failed')?.textContent.includes('open')")
    assert shown(page, "#status").startswith("404"), "the key is another agent's"
