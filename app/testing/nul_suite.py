"""What every wire promises of NUL (U+0000), which is no character of a text, as tests to inherit."""

from collections.abc import Iterator
from typing import Any

import orjson
import requests

from app.testing.caller import Caller
from app.testing.server import script

NUL = "\0"


def with_nul(value: Any) -> Iterator[Any]:
    """The JSON value with a NUL in each of its texts and names, one at a time."""
    if isinstance(value, str):
        yield from (NUL, value + NUL, NUL + value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            rest = {other: kept for other, kept in value.items() if other != name}
            yield {**rest, name + NUL: inner}
            yield from ({**rest, name: each} for each in with_nul(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], each, *value[index + 1 :]] for each in with_nul(inner))


class NulSuite:
    """For WireSuite to inherit."""

    def test_a_nul_in_any_text_of_a_body_is_refused_and_nothing_is_stored(self, caller: Caller) -> None:
        question = script({"text": "never"}, {"text": "a nul"})
        body = caller.body(question)
        for each in [*with_nul(body), {**body, "extra": {"inner": [NUL]}}, {**body, "extra": {NUL: 1}}]:
            response = caller.post(orjson.dumps(each))
            assert response.status_code == 400, each
            caller.wire.check_error(response, 400)
            assert NUL not in response.json().__repr__()
        assert caller.stored(question) == []

    def test_a_nul_in_the_url_is_refused(self, caller: Caller) -> None:
        url, headers = caller.server.url + caller.path, caller.wire.headers(caller.key)
        response = requests.post(f"{url}?limit=%00", json=caller.body("hi"), headers=headers, timeout=30)
        caller.wire.check_error(response, 400)

    def test_what_reads_like_the_escape_of_a_nul_is_a_text_like_any_other(self, caller: Caller) -> None:
        said = r"\u0000 \\u0000 %00"
        question = script({"text": said})
        assert caller.wire.decode(caller.ask(question).content).text == said
        first, last = caller.stored(question)
        assert (first["text"], last["text"]) == (question, said)

    def test_a_nul_of_a_model_is_replaced_for_callers_and_in_the_store(self, caller: Caller) -> None:
        question = script({"text": "A"}, {"text": "NUL \0"}, {"text": "\0"}, {"text": "and on."})
        answer = caller.wire.decode(caller.ask(question).content)
        assert (answer.text, answer.ended) == ("ANUL \ufffd\ufffdand on.", True)
        assert caller.stored(question)[-1]["text"] == answer.text
