"""A browser's own EventSource, which asks without headers of the page's, reconnects by itself with the last id, and
takes no end of a stream for the last one: it hears an answer whole, once, and then stops asking."""

import json
from collections.abc import Iterator

import pytest
from support.cable import Cable, cable
from support.chat_wires import user_of

from app.testing.server import script

SAID = [{"text": "So "}, {"text": "far"}, {"pause": 1}, {"text": ", and "}, {"text": "further."}]
PAGE = """
window.listen = async (post, body, readOn, said) => {
  const headers = {"Content-Type": "application/json", "Last-Event-ID": ""};
  const asked = await fetch(post, {method: "POST", headers, body: JSON.stringify(body)});
  const answer = asked.headers.get("X-Turn-Id");
  asked.body.cancel();
  const told = {text: "", ids: [], states: []};
  const source = new EventSource(readOn.replace("ANSWER", answer));
  source.onmessage = ({data, lastEventId}) => {
    told.ids.push(lastEventId);
    if (data !== "[DONE]") told.text += JSON.parse(data)[said] ?? "";
  };
  source.onerror = () => told.states.push(source.readyState);
  return told;
};
"""


@pytest.fixture(scope="module")
def line(server) -> Iterator[Cable]:
    with cable(server.port) as laid:
        yield laid


def test_an_event_source_reconnects_by_itself_and_stops_asking_at_the_end(browser, server, line) -> None:
    browser.open(f"{line.url}/health")
    browser.until("document.readyState === 'complete'")
    session = server.key("session")
    browser.call("Network.setCookie", name="parlance_session", value=session, url=line.url, httpOnly=True)
    user = user_of(server.url, session)
    chat = browser.evaluate("fetch('/api/chats', {method: 'POST'}).then((made) => made.json())")["id"]
    asked = script(*SAID)
    sources = {
        "anonymous": ("/api/chat", {"message": asked}, "/api/chat?cursor=ANSWER.0", "response"),
        "of who has signed in": (
            f"/api/chats/{chat}/messages/stream",
            {"content": asked, "modelId": user["name"], "userId": user["id"]},
            f"/api/chats/{chat}/messages/stream",
            "delta",
        ),
    }
    browser.evaluate(PAGE)
    for name, given in sources.items():
        listening = f"listen(...{json.dumps(given)}).then((told) => {{ window[{json.dumps(name)}] = told; }})"
        browser.evaluate(listening)
    told = [f"window[{json.dumps(name)}]" for name in sources]
    for each in told:
        browser.until(f"{each}.text === 'So far'")
    line.cut()
    line.mend()
    for each in told:
        browser.until(f"{each}.states.at(-1) === EventSource.CLOSED", 20)
        heard = browser.evaluate(each)
        assert heard["text"] == "So far, and further."
        assert heard["states"] == [0, 0, 2], "cut, ended, and told that there is no more"
        assert heard["ids"][-1].endswith(".end")
