"""What is made of a call's arguments, however they were written."""

import json
import time

import pytest

from app.providers.apis.arguments import MOST_CALLS, arguments_of, is_whole

ZONE = {"zone": "UTC"}
ZONE_JSON = '{"zone": "UTC"}'
ARGUMENTS = {
    "nothing": ([], [{}]),
    "an empty text": ([""], [{}]),
    "white space": ([" ", "\n"], [{}]),
    "null": (["null"], [{}]),
    "an empty list": (["[]"], [{}]),
    "an object": ([ZONE_JSON], [ZONE]),
    "an object in pieces": (['{"zo', 'ne": "U', 'TC"}'], [ZONE]),
    "an object in an object": (['{"zone": {"zone": "UTC"}}'], [{"zone": ZONE}]),
    "{} in front": (["{}", '{"zo', 'ne": "UTC"}'], [ZONE]),
    "null in front": (["null", ZONE_JSON], [ZONE]),
    "once more at the end": (['{"zone"', ': "UTC"}', ZONE_JSON], [ZONE]),
    "{} in front and once more at the end": (["{}", '{"zone"', ': "UTC"}', ZONE_JSON], [ZONE]),
    "{} twice": (["{}", "{}"], [{}]),
    "JSON in a text": ([json.dumps(ZONE_JSON)], [ZONE]),
    "JSON in a text in a text": ([json.dumps(json.dumps(ZONE_JSON))], [ZONE]),
    "nothing in a text": (['""'], [{}]),
    "whole so far in each piece": (['{"zo', '{"zone": "U', ZONE_JSON], [ZONE]),
    "line ends in texts": (['{"text": "a\nb"}'], [{"text": "a\nb"}]),
    "several objects": (['{"x": 1}{"x": 2}'], [{"x": 1}, {"x": 2}]),
    "several objects on lines": (['{"x": 1}\n', '{"x": 2}\n'], [{"x": 1}, {"x": 2}]),
}
MALFORMED = [
    *("[1]", "7", "zone", "{zone}", "{" * 999, '"zone"', '{"zone": "UTC"', '{"x": 1} and {"x": 2}', "[" * 100_000),
    *(
        '{"x": 1}{"x": "\\ud800"}',
        '{"x": 1}{"x": 9' + "9" * 400 + "}",
        json.dumps(json.dumps(json.dumps(json.dumps("{}")))),
    ),
    "".join(f'{{"x": {number}}}' for number in range(MOST_CALLS + 1)),
]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_objects_whatever_the_server_wrote(name) -> None:
    pieces, arguments = ARGUMENTS[name]
    assert arguments_of(pieces) == arguments


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:20])
def test_what_is_no_object_is_shown_to_the_model_as_it_is(text) -> None:
    assert arguments_of([text]) == [{"malformed_arguments": text[:200]}]


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (["{}"], True),
        ([ZONE_JSON[:5], ZONE_JSON[5:], "\n"], True),
        (['"x"'], True),
        (["null"], True),
        (["[]"], True),
        ([], False),
        ([""], False),
        (["{"], False),
        (['{"a": {}'], False),
        (['{"a": "}', "}"], False),
        ([json.dumps({"x": "x" * 65_536})], False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_when_arguments_are_whole(pieces, whole) -> None:
    assert is_whole(pieces) is whole


def test_arguments_without_end_take_no_long_time() -> None:
    begun = time.monotonic()
    for text in (
        '{"x":1}' * 500_000,
        "{}" * 2_000_000,
        "".join(f'{{"x":{n}}}' for n in range(300_000)),
        '"' * 4_000_000,
    ):
        arguments_of([text])
    assert time.monotonic() - begun < 2
