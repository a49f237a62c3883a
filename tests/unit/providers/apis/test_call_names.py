"""Ids and names of calls that every API takes."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.providers.apis.call_names import accepted_ids, accepted_name

NINE = re.compile("[A-Za-z0-9]{9}")
STORED = st.lists(st.one_of(st.text(), st.sampled_from(["", "a", "abcdefghi", "abcdefgh1", "call_1"])), max_size=30)


@given(STORED)
def test_each_call_has_an_id_of_nine_letters_and_digits_and_no_two_have_the_same(stored) -> None:
    accepted = accepted_ids(stored)
    assert len(accepted) == len(stored) == len(set(accepted))
    assert all(NINE.fullmatch(each) for each in accepted)


@given(STORED, STORED)
def test_a_call_keeps_its_id_whatever_follows(stored, later) -> None:
    """Servers cache prompts by what they begin with."""
    assert accepted_ids([*stored, *later])[: len(stored)] == accepted_ids(stored)


@given(STORED)
def test_an_id_is_made_of_the_stored_one_alone(stored) -> None:
    distinct = [*dict.fromkeys(stored)]
    alone = [accepted_ids([call_id])[0] for call_id in distinct]
    assert accepted_ids(distinct) == alone
    assert accepted_ids(distinct[::-1]) == alone[::-1]


def test_an_id_that_every_api_takes_is_kept_and_another_call_with_it_gets_another() -> None:
    first, second, third = accepted_ids(["abcdefghi", "abcdefghi", "abcdefghi"])
    assert first == "abcdefghi"
    assert len({first, second, third}) == 3


def test_an_id_that_is_that_of_another_call_already_is_not_given_again() -> None:
    made = accepted_ids(["call_1"])[0]
    assert accepted_ids(["call_1", made])[1] == made
    assert accepted_ids([made, "call_1"])[0] == made
    assert len(set(accepted_ids(["call_1", made]))) == 2


def test_ids_of_a_thousand_calls_with_one_stored_id_take_no_time() -> None:
    assert len(set(accepted_ids(["call_1"] * 20_000))) == 20_000


def test_a_name_that_every_api_takes_or_that_a_tool_has_is_kept() -> None:
    assert [accepted_name(name, ()) for name in ("clock", "a_1", "a-1", "x" * 64)] == ["clock", "a_1", "a-1", "x" * 64]
    assert accepted_name("2nd", {"2nd"}) == "2nd"


@given(st.lists(st.text(max_size=99), unique=True))
def test_other_names_become_names_that_every_api_takes_and_stay_different(names) -> None:
    accepted = [accepted_name(name, ()) for name in names]
    assert all(re.fullmatch("[a-zA-Z][a-zA-Z0-9_-]{0,63}", name) for name in accepted)
    assert len(set(accepted)) == len(names)


def test_what_can_be_read_of_a_name_stays_in_it() -> None:
    assert accepted_name("<|channel|>commentary", ()).startswith("tool_channel_commentary_")
    assert accepted_name("default_api:look up", ()).startswith("tool_default_api_look_up_")
    assert re.fullmatch("tool_[0-9a-f]{8}", accepted_name("", ()))
