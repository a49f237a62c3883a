"""What a caller keeps for a model: it comes back as it was, or as nothing."""

from collections.abc import Iterator

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

from app.configuration import load_configuration
from app.engine.messages import ProviderMetadata
from app.main import create_app
from app.web.requests.sealed import LONGEST, sealed, unsealed
from app.web.services import services

SIGNED = ProviderMetadata({"type": "thinking", "signature": "Er+/=äβ\u2028", "n": [1, None, {}]}, "claude")


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Flask:
    return create_app(load_configuration({"PARLANCE_HOME": str(tmp_path_factory.mktemp("home"))}))


@pytest.fixture(autouse=True)
def _context(app) -> Iterator[None]:
    with app.app_context():
        yield


def test_it_comes_back_as_it_was_with_the_model_that_said_it() -> None:
    assert unsealed(sealed(SIGNED)) == SIGNED


def test_it_is_a_word_that_any_client_can_carry() -> None:
    assert sealed(SIGNED).isascii()
    assert not {*' "\\\n'} & {*sealed(SIGNED)}


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: f"x{text}", lambda text: text.upper()])
def test_what_somebody_has_changed_is_nothing(change) -> None:
    assert unsealed(change(sealed(SIGNED))) is None


@pytest.mark.parametrize("text", ["", ".", "x", "EqQBCgIYAhIM", "ü", "\x00", "a.b.c", "x" * (LONGEST + 1)])
def test_what_this_server_has_not_sealed_is_nothing(text) -> None:
    assert unsealed(text) is None


def test_what_another_installation_has_sealed_is_nothing() -> None:
    other = URLSafeSerializer("another secret").dumps(["thought", "claude", {}])
    assert unsealed(str(other)) is None


@pytest.mark.parametrize(
    "value", [["cursor", "claude", {}], ["thought"], "thought", {"thought": 1}, 7, None, [1, 2, 3, 4]]
)
def test_what_was_signed_for_something_else_is_nothing(value) -> None:
    assert unsealed(str(services().signer.dumps(value))) is None
