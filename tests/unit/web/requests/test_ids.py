"""Ids as callers see them, and as the store keeps them."""

import uuid

import pytest

from app.web.requests.ids import public_id, stored_id


def test_an_id_comes_back_as_it_was_stored() -> None:
    stored = uuid.uuid4().hex
    assert stored_id(public_id(stored)) == stored
    assert stored_id(public_id(stored).upper()) == stored


@pytest.mark.parametrize("public", ["", "1", "0" * 32, f"{uuid.UUID(int=0)}0", f"{{{uuid.UUID(int=0)}}}", "x" * 36])
def test_what_is_no_uuid_with_dashes_is_no_id(public) -> None:
    assert stored_id(public) is None
