"""The shipped workflow "Price with tax" tells no wrong price: where a text can be read in two ways, it asks."""

from collections.abc import Iterator

import pytest
import requests
from support.chat_workflows import SHIPPED

from app.testing.server import Server

ASKS = "Which price do you mean"
FOLLOWED = {
    'name = "Site"': 'name = "Site"\nworkflow = "Price with tax"\nlanguage = "de"',
    'name = "Open"\nmodel = "scripted"': 'name = "Open"\nmodel = "builtin"\nworkflow = "Price with tax"',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("prices"), changes={**SHIPPED, **FOLLOWED}) as running:
        yield running


def answer(server: Server, question: str, agent: str = "open") -> str:
    headers = {"x-api-key": server.key("widget", agent)}
    body = {"sessionId": "prices", "message": question}
    answered = requests.post(f"{server.url}/v1/chat", json=body, headers=headers, timeout=30)
    assert answered.status_code == 200, answered.text
    return str(answered.json()["message"])


@pytest.mark.parametrize(
    ("question", "net", "gross"),
    [
        ("What is 40 euros with tax?", "40", "47.6"),
        ("What is 12,50 euros with tax?", "12.5", "14.88"),
        ("What is 1,234.50 euros with tax?", "1,234.5", "1,469.06"),
        ("Was sind 1.234,56 \u20ac mit Steuer?", "1,234.56", "1,469.13"),
        ("1,000 euros", "1,000", "1,190"),
        ("12,000,000", "12,000,000", "14,280,000"),
        ("1 234,50 \u20ac", "1,234.5", "1,469.06"),
        ("\u0661\u0662\u0660 \u064a\u0648\u0631\u0648", "120", "142.8"),
    ],
)
def test_a_price_is_told_with_the_number_that_was_read(server, question, net, gross) -> None:
    assert answer(server, question) == f"Net {net}, with 19 % tax {gross}."


def test_numbers_are_written_in_the_agents_language(server) -> None:
    assert answer(server, "1.234,5 Euro", "site") == "Net 1.234,5, with 19 % tax 1.469,06."
    assert answer(server, "1.000 Euro", "site") == "Net 1.000, with 19 % tax 1.190."


def test_where_a_number_can_be_read_in_two_ways_or_there_are_several_it_asks(server) -> None:
    assert answer(server, "1.234 \u20ac") == f"{ASKS}: 1.23 or 1,234? Please write that number alone."
    assert answer(server, "1,234 \u20ac", "site") == f"{ASKS}: 1,23 or 1.234? Please write that number alone."
    assert answer(server, "3 chairs at 40 euros").startswith(f"{ASKS}: 3 or 40?")
    for none in ("Tax?", "the 28.11.2026", "1,23,4 euros"):
        assert answer(server, none) == f"{ASKS}? Please write it as a number."


def test_nothing_and_less_is_no_price(server) -> None:
    for none in ("0 euros", "\u22125 euros", "-\u20ac1,234.50"):
        assert answer(server, none) == "A price has to be more than nothing."
