"""What /openapi.json and /docs say is so: of the routes, of the examples, and of what the wires really answer."""

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import requests
from openapi_spec_validator import validate
from support.openapi_document import OpenApiDocument
from support.wires import every_stream, every_wire

from app.settings.checks import WIRES
from app.testing.caller import Caller
from app.testing.server import Server, script

OF_THE_COMMAND = {("any", "/doctor")}
PARTS_OF_THE_PLAYGROUND = {
    ("get", f"/playground/{name}") for name in ("{}", "about.json", "markdown.js", "questions.json", "sample")
}
EMPTY = {"meta", "wbr", "link", "br", "hr", "img", "input"}  # elements without an end
LOADS = {"script", "link", "img", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}


@pytest.fixture(scope="module")
def described(server) -> OpenApiDocument:
    return OpenApiDocument(server)


@pytest.fixture(scope="module")
def page(server) -> requests.Response:
    response = requests.get(f"{server.url}/docs", timeout=30)
    assert response.status_code == 200
    return response


@pytest.fixture
def caller(wire, server, key_of) -> Caller:
    return Caller(wire, server, key_of[wire.key_kind])


def test_the_document_is_openapi_and_its_references_lead_somewhere(described) -> None:
    validate(described.document)
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(described.document)):
        assert described.resolved({"$ref": reference}), reference


def test_every_route_is_described_and_nothing_else(server, described) -> None:
    *_, lines = server.flask_program("routes").stdout.partition("\n---")
    found = set()
    for line in lines.splitlines()[1:]:
        _endpoint, *methods, rule = re.split(r"\s{2,}", line.strip())
        found |= {(method, re.sub("<[^>]+>", "{}", rule)) for method in (*methods, "any")[0].lower().split(", ")}
    told = {(method, re.sub("{[^}]+}", "{}", path)) for method, path in described.operations}
    assert told | PARTS_OF_THE_PLAYGROUND | OF_THE_COMMAND == found
    assert not told & (PARTS_OF_THE_PLAYGROUND | OF_THE_COMMAND)
    assert "`/playground/` is not described" in described.document["info"]["description"]
    assert {tag for each in described.operations.values() for tag in each["tags"]} == {*WIRES, "server"}


def test_every_example_is_true_of_its_schema(described) -> None:
    places = []
    for place, content_type, schema, example in described.examples():
        body = example if isinstance(example, str) and content_type != "application/json" else json.dumps(example)
        described.check_body(content_type, schema, body.encode())
        places.append(place)
    assert len(places) > 300
    bodies = {f"{method} {path} body" for (method, path), each in described.operations.items() if "requestBody" in each}
    assert bodies <= set(places), "every body has an example"


def test_a_body_that_is_refused_is_none_by_the_schema_either(described) -> None:
    """So the checks here can fail."""
    schema = described.operations["post", "/chat"]["requestBody"]["content"]["application/json"]["schema"]
    good = {"sessionId": "a", "message": "b"}
    described.check_value(schema, good)
    for bad in (
        {"message": "b"},
        {**good, "more": 1},
        {**good, "message": " \n"},
        {**good, "sessionId": "a b"},
        [good],
    ):
        with pytest.raises(AssertionError):
            described.check_value(schema, bad)


@every_stream
def test_every_event_of_a_stream_is_described(caller, described) -> None:
    steps = (
        {"reasoning": "Hm"},
        {"text": "Let me see"},
        {"call": "calculator", "args": {"expression": "1/0"}},
        {"call": "calculator", "args": {"expression": "6*7"}},
        {"text": "42"},
    )
    described.check(caller.ask(script(*steps)))
    described.check(caller.ask(script({"text": "Hel"}, {"fail": "upstream_failed"})))


@every_wire
@pytest.mark.parametrize("steps", [({"text": "Hello"},), ({"call": "clock", "args": {}}, {"text": "Now"})])
def test_every_whole_answer_and_every_refusal_is_described(caller, described, steps) -> None:
    described.check(caller.ask(script(*steps)))
    for problem in ("overloaded", "upstream_failed", "upstream_timeout", "internal"):
        described.check(caller.ask(script({"refuse": problem})))
    described.check(caller.post({}))
    described.check(caller.post(b"{"))
    described.check(caller.post(b" " * 300_000))
    described.check(caller.post({}, {"Content-Type": "text/plain"}))
    described.check(caller.ask("hi", caller.wire.headers("wrong")))


@every_wire
def test_every_question_may_be_asked_again_as_described(caller, described) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = caller.body(script({"text": "Hello"}))
    operation = described.operation("POST", caller.path)
    assert set(key) <= {each["name"] for each in operation["parameters"]}
    replies = [caller.post(body, key), caller.post(body, key), caller.post({**body, "more": 1}, key)]
    assert [each.headers.get("Idempotency-Replayed") for each in replies] == [None, "true", None]
    assert "Idempotency-Replayed" in operation["responses"][str(replies[1].status_code)]["headers"]
    assert caller.post(body, {"Idempotency-Key": "a,b"}).status_code == 400
    for reply in replies:
        described.check(reply)


FILES = ["/", "/widget.js", "/widget/chat-widget.js", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_as_described_also_where_its_caller_has_it(server, described, path) -> None:
    first = requests.get(server.url + path, timeout=30)
    described.check(first)
    described.check(requests.get(server.url + path, headers={"If-None-Match": first.headers["ETag"]}, timeout=30))


def test_without_the_playground_its_page_is_not_described(start) -> None:
    document = OpenApiDocument(start(changes={"[server]": "[server]\nplayground = false"})).document
    assert "/" not in document["paths"]
    assert "/widget.js" in document["paths"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_it_comes_compressed_where_that_is_understood(server, path) -> None:
    packed, plain = (
        requests.get(server.url + path, headers={"Accept-Encoding": coding}, timeout=30)
        for coding in ("gzip", "identity")
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert int(packed.headers["Content-Length"]) * 5 < int(plain.headers["Content-Length"])
    assert packed.content == plain.content, "requests has unpacked it"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_who_has_it_already_is_not_sent_it_again(server, path) -> None:
    first = requests.get(server.url + path, timeout=30)
    again = requests.get(server.url + path, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
    assert (again.status_code, again.content) == (304, b"")
    other = requests.get(server.url + path, headers={"If-None-Match": '"other"'}, timeout=30)
    assert (other.status_code, other.content) == (200, first.content)


def test_any_page_may_read_the_document(server) -> None:
    response = requests.get(f"{server.url}/openapi.json", headers={"Origin": "https://anywhere.example"}, timeout=30)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Access-Control-Allow-Origin"] in ("*", "https://anywhere.example")


class Page(HTMLParser):
    """Fails on what is not well-formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data) -> None:
        self.text += data


def test_the_page_is_well_formed_and_names_every_operation(described, page) -> None:
    parsed = Page(page.text)
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(attributes["href"]) for tag, attributes in parsed.tags if tag == "a"]
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= set(ids)
    for (method, path), operation in described.operations.items():
        assert f"{method.upper()} {path}" in parsed.text
        assert operation["operationId"] in ids
        for status in operation["responses"]:
            assert status in parsed.text


def test_the_page_loads_nothing_and_runs_nothing(page) -> None:
    parsed = Page(page.text)
    assert not LOADS & {tag for tag, _ in parsed.tags}
    for _, attributes in parsed.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "style")}
        assert re.match("[#/]", attributes.get("href") or "#")
    style = re.search("<style>(.*?)</style>", page.text, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    hashed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith(f"style-src 'sha256-{hashed}'")


@pytest.fixture
def without(start) -> Iterator[Server]:
    return start(changes={"[server]": "[server]\nreference = false"})


def test_it_can_be_switched_off(without) -> None:
    for path in ("/openapi.json", "/docs"):
        assert requests.get(without.url + path, timeout=30).status_code == 404
