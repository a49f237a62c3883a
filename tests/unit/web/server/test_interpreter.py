"""Which CPythons are told to be slow, by what they say of how they were built."""

import pytest

from app.web.server.interpreter import why_slow

FLAG = "-fprofile-use -fprofile-correction"


@pytest.mark.parametrize(
    "built",
    [
        {"CONFIG_ARGS": "'--enable-shared' '--enable-optimizations' '--with-lto'", "PGO_PROF_USE_FLAG": FLAG},
        {"CONFIG_ARGS": "'--enable-shared' '--prefix=/usr'", "PGO_PROF_USE_FLAG": ""},
        {"CONFIG_ARGS": None},
    ],
    ids=["asked for", "Debian's", "one that says nothing"],
)
def test_what_was_optimised_or_does_not_say_is_not_called_slow(built) -> None:
    assert why_slow(built) is None


def test_what_was_built_without_optimisation_is_told() -> None:
    told = why_slow({"CONFIG_ARGS": "'--prefix=/opt/python'", "PGO_PROF_USE_FLAG": FLAG})
    assert told
    assert "--enable-optimizations" in told
