"""The playground at `/`, driven in Debian's Chromium over every wire."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.chromium import Chromium
from support.playground import CHANGES, IDLE, ask, choose, click, enter, press, shown, sign_in, take
from support.users import PASSWORD, Person

from app.testing.server import Server, script


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("playground"), changes=CHANGES) as running:
        yield running


@pytest.fixture
def page(browser, server) -> Chromium:
    browser.open(f"{server.url}/")
    browser.until("!!document.querySelector('#languages button')")
    return browser


@pytest.mark.parametrize(
    ("wire", "kind", "end"),
    [
        ("workers", None, "data: [DONE]"),
        ("workers", "secret", "data: [DONE]"),
        ("widget", "widget", '{"type":"done"'),
        ("agents", "secret", "data: [DONE]"),
    ],
)
def test_a_wire_is_tried_and_its_bytes_are_shown(page, server, wire, kind, end) -> None:
    take(page, wire)
    key = server.key(kind) if kind else None
    if key:
        enter(page, "#key", key)
    said = ask(page, "What is 12 * 7?")
    assert "What is 12 * 7?" in said
    assert "12 * 7 = 84" in said
    assert 'calculator({"expression":"12 * 7"})' in said
    assert "200" in shown(page, "#status")
    assert shown(page, "#first").endswith(" ms")
    assert end in shown(page, "#raw")


RUNS = {
    "curl": ["bash", "-ec"],
    "JavaScript": ["node", "--input-type=module", "--eval"],
    "Python": [sys.executable, "-c"],
}


def run(page: Chromium, language: str, folder: Path, **secrets: str) -> str:
    """What the code on the page prints where it runs, with these in the environment."""
    if not shutil.which(RUNS[language][0]):
        pytest.skip(f"{RUNS[language][0]} not installed")
    press(page, "#languages", language)
    code = shown(page, "#code")
    assert not [secret for secret in secrets.values() if secret in code], "what is copied gets around"
    ran = subprocess.run(
        [*RUNS[language], code],
        cwd=folder, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, (code, ran.stdout, ran.stderr)
    return ran.stdout


languages = pytest.mark.parametrize("language", RUNS)


@languages
@pytest.mark.parametrize(
    ("wire", "kind"), [("workers", None), ("workers", "secret"), ("widget", "widget"), ("agents", "widget")]
)
def test_the_code_on_the_page_runs_as_it_stands(page, server, language, wire, kind) -> None:
    take(page, wire)
    secrets = {"KEY": server.key(kind)} if kind else {}
    if kind:
        enter(page, "#key", secrets["KEY"])
    printed = run(page, language, server.home, **secrets)
    assert "84" in printed
    assert ('{"type":"done"' if wire == "widget" else "data: [DONE]") in printed


@languages
def test_the_code_asks_what_was_asked_to_the_letter(page, server, language) -> None:
    text = """It's for "Zoë" 👩‍🚀 & $KEY `id` \\n {x} ${x} %s."""
    enter(page, "#question", text)
    run(page, language, server.home)
    (asked,) = server.rows("SELECT parts FROM messages WHERE role = 'user' ORDER BY rowid DESC LIMIT 1")
    assert json.loads(asked["parts"]) == [{"type": "text", "text": text}]


@languages
def test_the_code_of_signed_in_chats_signs_in_and_begins_the_chat_or_goes_on_with_it(page, server, language) -> None:
    person = Person.new(server)
    secrets = {"EMAIL": person.email, "PASSWORD": PASSWORD}
    take(page, "chats")
    assert shown(page, "#code").startswith("Sign in first")
    sign_in(page, person)
    printed = run(page, language, server.home, **secrets)
    assert "84" in printed
    assert '"type":"end"' in printed
    assert "84" in ask(page, "What is 12 * 7?")
    enter(page, "#question", "What is 3 * 5?")
    assert "15" in run(page, language, server.home, **secrets)
    (second, first) = person.call("GET", f"/api/users/{person.id}/chats").json()["chats"]
    assert [len(person.messages(each["id"])) for each in (first, second)] == [2, 4]


def test_without_a_key_the_code_of_a_wire_that_needs_one_shows_where_it_belongs(page) -> None:
    take(page, "widget")
    assert '-H "x-widget-api-key: $KEY"' in shown(page, "#code")
    take(page, "workers")
    assert "$KEY" not in shown(page, "#code"), "it is optional there"


def test_a_question_that_was_refused_is_not_asked_again_with_the_next(page, server) -> None:
    page.evaluate("document.querySelector('#question').value = 'x'.repeat(300000)")
    click(page, "#send")
    page.until("document.querySelector('#status').textContent.startsWith('413')")
    page.until("!document.querySelector('#send').disabled")
    assert "84" in ask(page, "What is 12 * 7?")
    assert shown(page, "#status").startswith("200")
    asked = json.loads(page.requests(f"{server.url}/api/chat")[-1]["postData"])
    assert [each["content"] for each in asked["messages"]] == ["What is 12 * 7?"]


def test_two_submits_at_once_are_one_question_in_one_chat(page, server) -> None:
    person = Person.new(server)
    sign_in(page, person)
    click(page, "#question")
    page.call("Input.insertText", text="What is 12 * 7?")
    page.evaluate("for (const _ of [1, 2]) document.querySelector('#ask').requestSubmit()")
    page.until(IDLE)
    (chat,) = person.call("GET", f"/api/users/{person.id}/chats").json()["chats"]
    assert [each["content"] for each in person.messages(chat["id"]) if each["role"] == "user"] == ["What is 12 * 7?"]


def test_an_answer_that_was_under_way_says_nothing_in_a_new_conversation(page) -> None:
    page.evaluate(
        "(question => { question.value = 'What is 12 * 7?';"
        " document.querySelector('#ask').requestSubmit(); document.querySelector('#fresh').click() })"
        "(document.querySelector('#question'))"
    )
    assert page.evaluate("document.querySelector('#send').disabled") is False
    assert ask(page, "What is 3 * 5?").splitlines()[0] == "What is 3 * 5?"


def test_who_signs_out_leaves_no_session_and_no_password_behind(page, server) -> None:
    person = Person.new(server)
    sign_in(page, person)
    assert "84" in ask(page, "What is 12 * 7?")
    click(page, "#sign-out")
    page.until("!document.querySelector('#sign-in').hidden")
    assert page.evaluate("document.querySelector('#password').value") == ""
    assert shown(page, "#log") == ""
    assert page.evaluate("fetch('/api/auth/session').then(response => response.status)") == 401


@pytest.mark.parametrize(
    ("wire", "kind", "reached"),
    [
        ("workers", None, "Open."),
        ("workers", "secret", "the one that your key is for."),
        ("widget", None, "the one that your key is for."),
        ("agents", None, "Open, with a key of its own."),
        ("chats", None, "Open."),
    ],
)
def test_the_page_says_which_agents_there_are_and_who_answers(page, server, wire, kind, reached) -> None:
    take(page, wire)
    if kind:
        enter(page, "#key", server.key(kind))
    assert shown(page, "#agents") == f"Agents here: Open, frank, Site. You reach {reached}"


def test_signed_in_chats_show_a_workflow_as_it_runs(page, server) -> None:
    sign_in(page, Person.new(server))
    choose(page, "#workflow", "Price with tax")
    assert "Net 40, with 19 % tax 47.6." in ask(page, "What is 40 euros with tax?")
    states = "Object.fromEntries([...document.querySelectorAll('.step')].map(e => [e.dataset.step, e.classList[1]]))"
    expected = {"net": "complete", "gross": "complete", "reply": "complete", "refuse": "skipped", "ask": "skipped"}
    page.until(f"({states}).refuse === 'skipped'")
    assert page.evaluate(states) == expected


def test_a_refusal_is_told_in_words(page) -> None:
    take(page, "widget")
    enter(page, "#key", "wk_wrong")
    click(page, "#question")
    page.type("Hi")
    page.until("document.querySelector('.failed')?.textContent === 'Unauthorized'")
    assert shown(page, "#status").startswith("401")


def test_in_a_long_conversation_a_refusal_is_in_view(page) -> None:
    assert "84" in ask(page, "What is 12 * 7?")
    page.evaluate("document.querySelector('#log').firstChild.style.minHeight = '3000px'")
    enter(page, "#key", "sk_wrong")
    click(page, "#question")
    page.type("Hi")
    page.until("!!document.querySelector('.failed')")
    bottoms = "['#log', '.failed'].map(each => document.querySelector(each).getBoundingClientRect().bottom)"
    log, failed = page.evaluate(bottoms)
    assert failed <= log


def test_an_answer_of_many_tokens_at_once_does_not_stop_the_page(page, server) -> None:
    sign_in(page, Person.new(server))
    choose(page, "#model", "scripted")
    page.evaluate("""
        window.longest = 0;
        let last = performance.now();
        setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now() }, 10);
    """)
    click(page, "#question")
    page.type(script({"text": "word ", "times": 20000}))
    page.until(IDLE, 60)
    assert shown(page, "#tokens") == "20000"
    assert page.evaluate("longest") < 10_000, "milliseconds in which the page stood still"
    assert page.evaluate("document.querySelector('#log').lastChild.textContent") == "word " * 20000


def test_a_question_leaves_no_figure_of_the_answer_before(page) -> None:
    assert "84" in ask(page, "What is 12 * 7?")
    asked = "document.querySelector('#question').value = 'Hi'; document.querySelector('#ask').requestSubmit()"
    assert page.evaluate(f"{asked}; /[0-9]/.test(document.querySelector('#figures').innerText)") is False


def test_the_page_loads_nothing_from_elsewhere_and_has_no_mistakes(page, server) -> None:
    ask(page, "Hello")
    sent = [each["params"]["request"]["url"] for each in page.events if each["method"] == "Network.requestWillBeSent"]
    assert sent
    assert all(url.startswith((f"{server.url}/", "data:")) for url in sent)
    assert not [each for each in page.events if each["method"] == "Runtime.exceptionThrown"]


def test_it_works_at_another_machine_over_plain_http(browser, server) -> None:
    browser.open(f"http://parlance.test:{server.port}/")
    browser.until("!!document.querySelector('#languages button')")
    assert browser.evaluate("isSecureContext") is False
    assert "84" in ask(browser, "What is 12 * 7?")
    click(browser, "#copy")
    browser.until("document.querySelector('#copy').textContent === 'Copied'")
    assert browser.evaluate("getSelection().toString()").startswith("curl -N")


def test_an_answer_that_is_stopped_leaves_no_step_running(page, server) -> None:
    person = Person.new(server)
    sign_in(page, person)
    steps = [
        {"id": "sum", "tool": "calculator", "args": {"expression": "12 * 7"}},
        {"id": "say", "prompt": script({"text": "Well"}, {"pause": 600}), "dependsOn": ["sum"]},
    ]
    assert person.call("POST", "/api/workflows", {"name": "Slow", "steps": steps}).status_code == 201
    page.call("Page.reload")
    page.until("document.querySelector('#workflow')?.options.length === 5")
    take(page, "chats")
    choose(page, "#model", "scripted")
    choose(page, "#workflow", "Slow")
    click(page, "#question")
    page.type("Go")
    states = "Object.fromEntries([...document.querySelectorAll('.step')].map(e => [e.dataset.step, e.classList[1]]))"
    page.until(f"({states}).say === 'running'", 30)
    click(page, "#stop")
    page.until("document.querySelector('.failed')?.textContent === 'Stopped.'")
    assert page.evaluate(states) == {"sum": "complete", "say": "failed"}


def test_its_files_are_sent_again_only_where_they_have_changed(server) -> None:
    for path in ("/", "/playground/playground.js", "/playground/playground.css", "/playground/snippets.js"):
        first = requests.get(server.url + path, timeout=30)
        assert first.status_code == 200
        again = requests.get(server.url + path, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
        assert (again.status_code, again.content) == (304, b"")
    assert "frame-ancestors 'none'" in requests.get(f"{server.url}/", timeout=30).headers["Content-Security-Policy"]
    for path in ("/playground/playground.html", "/playground/../playground.py", "/playground/nothing.js"):
        assert requests.get(server.url + path, timeout=30).status_code == 404


def test_one_setting_switches_it_off(start) -> None:
    server = start(changes={"[server]\n": "[server]\nplayground = false\n"})
    for path in ("/", "/playground/about.json", "/playground/playground.js"):
        assert requests.get(server.url + path, timeout=30).status_code == 404
