"""The playground at `/`, driven in Debian's Chromium over every wire."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
import requests
from support.chromium import Chromium
from support.pages import served
from support.playground import (
    CHANGES,
    CHAT,
    IDLE,
    LETTERS,
    READY,
    RUNS,
    VENDORS,
    ask,
    choose,
    click,
    enter,
    press,
    run,
    shown,
    sign_in,
    take,
)
from support.users import PASSWORD, Person

from app.testing.server import Server, eventually, script

NUMBERS = count()


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
    enter(page, "#question", LETTERS)
    run(page, language, server.home)
    (asked,) = server.rows("SELECT parts FROM messages WHERE role = 'user' ORDER BY rowid DESC LIMIT 1")
    assert json.loads(asked["parts"]) == [{"type": "text", "text": LETTERS}]


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
        ("openai", None, "Open, with a key of its own."),
        ("chats", None, "Open."),
    ],
)
def test_the_page_says_which_agents_there_are_and_who_answers(page, server, wire, kind, reached) -> None:
    take(page, wire)
    if kind:
        enter(page, "#key", server.key(kind))
    assert shown(page, "#agents") == f"Agents here: Open, frank, Site, slow. You reach {reached}"


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
    assert page.evaluate("document.querySelector('#log').lastChild.textContent") == ("word " * 20000).strip()


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
    browser.until(READY)
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
    page.reload()
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


WIRES = pytest.mark.parametrize("wire", ["workers", "widget", "agents", "chats", *VENDORS])
POSITION = "document.querySelector('#position').textContent"


def told(page: Chromium, server: Server, wire: str, *steps: dict[str, object]) -> str:
    """Asks a model that plays these steps; returns the question when something of the answer has come."""
    if wire == "chats":
        if page.evaluate("!document.querySelector('#who').textContent"):
            sign_in(page, Person.new(server))
        take(page, wire)
        choose(page, "#model", "scripted")
    else:
        take(page, wire)
        if page.evaluate("!document.querySelector('#key').value"):  # a reload keeps it
            enter(page, "#key", server.key("widget" if wire == "widget" else "secret", "slow"))
    if wire in {"agents", *VENDORS}:
        choose(page, "#agent", "slow")
    question = script(*steps, {"pause": next(NUMBERS) / 1000})
    click(page, "#question")
    page.type(question)
    page.until("document.querySelector('.markdown')?.textContent.trim() === 'one'")
    return question


def stored(server: Server, question: str) -> list[tuple[str, str]]:
    """The answers to the question: status and text."""
    rows = server.rows("SELECT conversation_id, parts FROM messages WHERE role = 'user'")
    asked = [row["conversation_id"] for row in rows if json.loads(row["parts"])[0]["text"] == question]
    assert len(asked) == 1
    found = [each for each in server.messages(asked[0]) if each["role"] == "assistant"]
    return [(each["status"], each["text"]) for each in found]


@WIRES
def test_a_connection_is_cut_and_the_answer_is_read_on_from_its_position(page, server, wire) -> None:
    question = told(page, server, wire, {"text": "one "}, {"pause": 1}, {"text": "two "}, {"text": "three"})
    cut_at = page.evaluate(POSITION)
    click(page, "#cut")
    page.until("document.querySelector('#cut').textContent === 'Read on'")
    eventually(lambda: stored(server, question) == [("complete", "one two three")])
    click(page, "#cut")
    page.until(IDLE)
    assert shown(page, ".markdown").strip() == "one two three"
    assert page.evaluate("[...document.querySelectorAll('#log .note')].map(each => each.textContent)") == [
        f"Cut at position {cut_at}. The answer goes on at the server.",
        f"Read on from position {cut_at}.",
    ]
    assert f".{cut_at}\n" in shown(page, "#raw").partition("last-event-id: ")[2]
    assert int(page.evaluate(POSITION)) >= int(cut_at) + len("two three")
    assert page.evaluate("document.querySelector('.failed')") is None


@WIRES
def test_stop_ends_an_answer_at_the_server_whether_it_is_cut_or_not(page, server, wire) -> None:
    for is_cut in (False, True):
        page.reload()
        page.until(READY)
        question = told(page, server, wire, {"text": "one "}, {"pause": 60})
        if is_cut:
            click(page, "#cut")
            page.until("document.querySelector('#cut').textContent === 'Read on'")
        click(page, "#stop")
        page.until("document.querySelector('.failed')?.textContent === 'Stopped.'")
        said = {"agents": '{"success":true}', "responses": '"status":"cancelled"'}.get(wire, '"status":"interrupted"')
        page.until(f"document.querySelector('#raw').textContent.includes({json.dumps(said)})")
        assert stored(server, question) == [("interrupted", "one ")]
        assert page.evaluate("document.querySelector('#cut').disabled")


def test_its_files_are_sent_again_only_where_they_have_changed(server) -> None:
    for path in ("/", *(f"/playground/{name}" for name in ("sample", "markdown.js", "playground.css", "snippets.js"))):
        first = requests.get(server.url + path, timeout=30)
        assert first.status_code == 200
        again = requests.get(server.url + path, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
        assert (again.status_code, again.content) == (304, b"")
    for path, ancestors in (("/", "'none'"), ("/playground/sample", "'self'")):
        policy = requests.get(server.url + path, timeout=30).headers["Content-Security-Policy"]
        assert f"frame-ancestors {ancestors}" in policy
        assert "unsafe" not in policy
    for path in ("/playground/playground.html", "/playground/../playground.py", "/playground/nothing.js"):
        assert requests.get(server.url + path, timeout=30).status_code == 404


def test_one_setting_switches_it_off(start) -> None:
    server = start(changes={"[server]\n": "[server]\nplayground = false\n"})
    for path in ("/", "/playground/about.json", "/playground/playground.js"):
        assert requests.get(server.url + path, timeout=30).status_code == 404


def test_the_welcome_shows_the_widget_with_a_key_from_the_address_which_keeps_none(browser, server) -> None:
    key = server.key("widget", "site")
    browser.open(f"{server.url}/#{key}")
    browser.until(f"!!{CHAT}?.querySelector('.panel:not([hidden])')")
    assert browser.evaluate("location.href") == f"{server.url}/"
    assert shown(browser, "#tag") == f'<script src="{server.url}/widget.js" data-api-key="{key}" async></script>'
    browser.until("document.querySelector('#key-state').textContent === 'The chat is on the sample page.'")
    take(browser, "widget")
    assert "84" in ask(browser, "What is 12 * 7?"), "the same key serves below"
    browser.reload()
    browser.until(f"!!{CHAT}")


def test_the_line_that_is_copied_is_a_chat_on_any_page(page, server, tmp_path) -> None:
    enter(page, "#widget-key", server.key("widget", "site"))
    page.press("Enter")
    page.until("/wk_[\\w-]{43}/.test(document.querySelector('#tag').textContent)")
    (tmp_path / "index.html").write_text(f"<!doctype html><title>Mine</title><body><h1>Mine</h1>{shown(page, '#tag')}")
    with served(tmp_path) as origin:
        page.open(f"{origin}/")
        page.until("!!window.ParlanceChat && !!document.querySelector('parlance-chat')")
        page.evaluate("ParlanceChat.open(); ParlanceChat.send('What is 6 * 7?')")
        page.until("document.querySelector('parlance-chat').shadowRoot.textContent.includes('6 * 7 = 42')")


def test_without_a_key_the_welcome_says_where_keys_come_from_and_makes_none_up(page, server) -> None:
    assert 'data-api-key="wk_…"' in shown(page, "#tag")
    assert page.evaluate(f"!{CHAT}")
    command = shown(page, "#make-key").split()[1:]
    made = server.flask(*command).stdout.strip()
    enter(page, "#widget-key", made)
    page.press("Enter")
    page.until(f"!!{CHAT}")
    assert made in shown(page, "#tag")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wk_wrong", "This is no widget key of this server"),
        ("ключ", "This is no widget key of this server"),
        ("secret", "This is a secret key"),
    ],
)
def test_what_is_no_widget_key_is_told_so(page, server, kind, said) -> None:
    enter(page, "#widget-key", server.key(kind) if kind == "secret" else kind)
    page.press("Enter")
    page.until(f"document.querySelector('#key-state.wrong')?.textContent.startsWith({json.dumps(said)})")


def test_a_key_that_is_bound_to_other_pages_is_told_so_when_it_is_used(page, server) -> None:
    enter(page, "#widget-key", server.key("widget", "site", "--origin", "https://shop.example"))
    page.press("Enter")
    page.until(f"!!{CHAT} && document.querySelector('#key-state').textContent.startsWith('The chat')")
    page.evaluate("document.querySelector('#sample').contentWindow.ParlanceChat.send('Hello')")
    page.until("document.querySelector('#key-state.wrong')?.textContent.startsWith('This key is bound to other pages')")


def test_a_question_is_answered_with_one_click_and_without_a_key(page, server) -> None:
    offered = page.evaluate("[...document.querySelectorAll('#questions button')].map(each => each.textContent)")
    assert offered == [
        "What is Parlance?",
        "How do I add knowledge?",
        "How do I embed the widget in my site?",
        "What is 12 * 7?",
    ]
    take(page, "widget")
    press(page, "#questions", "What is Parlance?")
    page.until(IDLE)
    assert "a self-hosted streaming chat backend" in shown(page, "#log")
    (asked,) = page.requests(f"{server.url}/api/chat")
    assert "Authorization" not in asked["headers"]


def test_only_what_the_agent_answers_is_offered(start, tmp_path) -> None:
    (tmp_path / "shop.md").write_text("# Shop\n\n## What are the opening hours?\n\nFrom nine to five.\n")
    changes = {'knowledge = ["knowledge/*.md"]\npublic': f'knowledge = ["{tmp_path}/*.md"]\npublic'}
    offered = f"{start(changes=changes).url}/playground/questions.json"
    assert requests.get(offered, timeout=30).json() == {"questions": ["What are the opening hours?", "What is 12 * 7?"]}


MARKDOWN = """# A *title*

1. **one**
2. `two`

<img src=x onerror="window.hurt = 1"> [mine](javascript:hurt=1) [yours](https://shop.example/a)

مرحبا **hello** بك

```html
<b>code</b>
```"""


def test_an_answer_is_shown_as_markdown_which_is_inert_and_each_block_in_its_direction(page, server) -> None:
    sign_in(page, Person.new(server))
    choose(page, "#model", "scripted")
    click(page, "#question")
    page.type(script({"text": MARKDOWN, "times": 1}))
    page.until("!!document.querySelector('.markdown pre') && !document.querySelector('#send').disabled")
    found = "(name => [...document.querySelectorAll(`.markdown ${name}`)].map(each => each.textContent))"
    assert page.evaluate(f"{found}(':is(h3, li, strong, pre)')") == [
        "A title",
        "one",
        "one",
        "two",
        "hello",
        "<b>code</b>",
    ]
    assert page.evaluate(f"{found}(':is(img, script, b)')") == []
    assert page.evaluate(
        "[...document.querySelectorAll('.markdown a')].map(each => [each.href, each.target, each.rel])"
    ) == [["https://shop.example/a", "_blank", "noopener nofollow noreferrer"]]
    directions = "[...document.querySelectorAll('.markdown > p')].map(each => getComputedStyle(each).direction)"
    assert page.evaluate(directions) == ["ltr", "rtl"]
    assert page.evaluate("window.hurt") is None
    assert "**one**" in shown(page, "#raw"), "the bytes are as they came"
    press(page, ".markdown .code", "Copy")
    page.until("document.querySelector('#heard').textContent === 'Copied'")


def test_a_question_in_arabic_stands_from_right_to_left(page) -> None:
    ask(page, "اتصلوا على +49 30 1234567")
    assert page.evaluate("getComputedStyle(document.querySelector('.user')).direction") == "rtl"
    assert shown(page, ".user bdi[dir=ltr]") == "+49 30 1234567", "a number is read in one piece"


@pytest.mark.parametrize(("wire", "kind"), [("widget", "widget"), ("agents", "secret")])
def test_the_sources_of_an_answer_are_shown_below_it(page, server, wire, kind) -> None:
    take(page, wire)
    enter(page, "#key", server.key(kind))
    ask(page, "What is Parlance?")
    titles = page.evaluate(
        "[...document.querySelectorAll('#log > .sources:last-child li')].map(each => each.textContent)"
    )
    assert titles
    assert all(json.dumps(title) in shown(page, "#raw") for title in titles), "as the wire has named them"


def test_a_source_is_a_link_where_it_has_an_address_that_may_be_followed(page) -> None:
    sources = [
        {"title": "A", "url": "https://shop.example/a"},
        {"title": "B", "url": "javascript:alert(1)"},
        {"title": "C"},
    ]
    page.evaluate(f"import('/playground/said.js').then(said => said.showSources({json.dumps([*sources, sources[0]])}))")
    assert page.evaluate("document.querySelector('.sources').innerHTML") == (
        '<li><a href="https://shop.example/a" target="_blank" rel="noopener nofollow noreferrer"><bdi>A</bdi></a></li>'
        "<li><bdi>B</bdi></li><li><bdi>C</bdi></li>"
    )


def test_a_welcome_that_was_closed_stays_closed(page) -> None:
    click(page, "#welcome summary")
    page.until("localStorage.getItem('playground welcome') !== null")
    page.reload()
    page.until(READY)
    assert page.evaluate("document.querySelector('#welcome').open") is False
