"""What every wire promises that lets callers read back what was said, as tests to inherit:

class TestPlainHistory(HistorySuite):
    @pytest.fixture
    def wire(self) -> WireClient:
        return Plain()  # which has `history_path` and `history_page`
"""

import uuid
from typing import Any

import orjson
import pytest
import requests

from app.testing.caller import Caller
from app.testing.server import script
from app.testing.wire_suite import WireSuite

PAGE_BYTES = 1_048_576
"""What a page of messages has at most, unless a message alone has more; what is around them comes on top."""


def fill(caller: Caller, conversation_id: str, texts: list[str]) -> None:
    """Store further questions, as if they had been asked: that takes less time than asking them."""
    row = "INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at) VALUES (?,?,?,?,?,?,1)"
    parts = [orjson.dumps([{"type": "text", "text": text}]).decode() for text in texts]
    numbered = enumerate(parts, 3)
    said = [(uuid.uuid4().hex, conversation_id, number, "user", each, "complete") for number, each in numbered]
    caller.server.write(row, *said)


def read(caller: Caller, path: str, **query: Any) -> requests.Response:
    headers = caller.wire.headers(caller.key)
    response = requests.get(f"{caller.server.url}{path}", headers=headers, params=query, timeout=30)
    assert response.status_code == 200, response.text
    return response


class HistorySuite:
    """What holds for every wire with a history. Subclasses override the fixture `wire`."""

    wire = WireSuite.wire
    caller = WireSuite.caller

    @pytest.fixture
    def history(self, caller: Caller) -> str:
        """The path of a conversation with a question and an answer, and then 30 texts of 100,000 bytes each."""
        question = script({"text": "hello"})
        path = caller.wire.history_path(caller.path, caller.ask(question).content)
        texts = [f"{number} ".ljust(100_000, "x") for number in range(30)]
        fill(caller, caller.stored(question)[0]["conversation_id"], texts)
        return path

    def test_a_history_of_any_size_is_read_in_pages_of_bounded_bytes(self, caller: Caller, history: str) -> None:
        texts: list[str] = []
        query: dict[str, Any] = {}
        pages = 0
        while pages == 0 or query:
            response = read(caller, history, **query)
            page, cursor = caller.wire.history_page(response.json())
            assert len(response.content) < PAGE_BYTES + 100_000
            assert "no-store" in response.headers["Cache-Control"]
            texts = [*page, *texts]
            query = {"cursor": cursor} if cursor else {}
            pages += 1
        assert texts[1] == "hello"
        assert [text.split(" ")[0] for text in texts[2:]] == [str(number) for number in range(30)]
        assert pages == 3, "ten texts on each, and what is small besides"

    def test_a_page_has_no_more_items_than_are_asked_for(self, caller: Caller, history: str) -> None:
        page, cursor = caller.wire.history_page(read(caller, history, limit=2).json())
        assert [text.split(" ")[0] for text in page] == ["28", "29"]
        page, _ = caller.wire.history_page(read(caller, history, limit=2, cursor=cursor).json())
        assert [text.split(" ")[0] for text in page] == ["26", "27"]
