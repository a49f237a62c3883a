"""`is_call` takes what CallSchema takes: it is asked in the schema's place, since that takes its time for each."""

from hypothesis import given
from hypothesis import strategies as st

from app.wires.openai.posted_messages import Calls, CallSchema, PostedMessageSchema, is_call

ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just([]) | st.just({})
IDS = st.sampled_from(["", "c1", "x" * 256, "x" * 257]) | ANYTHING
NAMES = st.sampled_from(["", "look_up", "a b", "x" * 129, "a\n"]) | ANYTHING
FUNCTIONS = st.fixed_dictionaries({}, optional={"name": NAMES, "arguments": ANYTHING, "new": ANYTHING}) | ANYTHING
KINDS = st.sampled_from(["function", "custom", ""]) | ANYTHING
CALLS = (
    st.fixed_dictionaries({}, optional={"id": IDS, "type": KINDS, "function": FUNCTIONS, "new": ANYTHING}) | ANYTHING
)
GOOD = {"id": "c1", "function": {"name": "look_up", "arguments": "{}"}}


@given(CALLS)
def test_both_take_the_same_calls(call) -> None:
    assert is_call(call) == (not CallSchema().validate(call))


def test_the_words_are_the_schemas_own_and_name_the_place() -> None:
    message = {"role": "assistant", "tool_calls": [GOOD, {**GOOD, "id": ""}, "x"]}
    told = PostedMessageSchema().validate(message)["tool_calls"]
    assert told == {1: CallSchema().validate({**GOOD, "id": ""}), 2: CallSchema().validate("x")}


def test_no_more_calls_are_looked_at_than_a_message_may_have() -> None:
    assert PostedMessageSchema().validate({"role": "assistant", "tool_calls": [{}] * 129}) == {
        "tool_calls": ["Longer than maximum length 128."]
    }
    assert Calls().deserialize([GOOD] * 128) == [GOOD] * 128
