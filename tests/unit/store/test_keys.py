"""Keys at rest, and origins as browsers write them."""

import hashlib
import re
from dataclasses import replace

import pytest
from support.database import SQLITE_ONLY

from app.store.keys import KeyStore, normalised_origin
from app.store.tables import now
from app.testing.server import eventually


@pytest.fixture
def keys(database):
    return KeyStore(database)


@pytest.mark.parametrize(("kind", "form"), [("widget", r"wk_[\w-]{43}"), ("secret", r"sk_[\w-]{43}")])
def test_a_key_says_its_kind_and_is_long_enough(keys, kind, form) -> None:
    assert re.fullmatch(form, keys.create(kind, "demo"))


@SQLITE_ONLY
def test_only_the_hash_of_a_key_is_kept(keys, tmp_path) -> None:
    key = keys.create("secret", "demo")
    secret = key.removeprefix("sk_").encode()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert hashlib.sha256(key.encode()).hexdigest().encode() in kept
    assert secret not in kept


def test_a_key_is_found_with_what_it_was_made_for(keys) -> None:
    key = keys.create("widget", "demo", "site", ["https://example.com"], require_origin=True)
    found = keys.find(key.encode())
    assert (found.kind, found.agent, found.name) == ("widget", "demo", "site")
    assert (found.origins, found.require_origin, found.revoked_at) == (("https://example.com",), True, None)
    assert keys.all() == [found]


def test_what_is_no_key_is_not_found(keys) -> None:
    key = keys.create("secret", "demo").encode()
    for presented in (b"", b"sk_", key[:-1], key + b" ", key.upper(), b"\xff\xfe", b"\x00", b"x" * 100_000):
        assert keys.find(presented) is None
    assert keys.find(key)


def test_a_revoked_key_is_listed_and_not_found(keys) -> None:
    key, other = keys.create("secret", "demo"), keys.create("secret", "demo")
    key_id = keys.find(key.encode()).id
    assert keys.revoke(key_id) is True
    assert eventually(lambda: keys.find(key.encode()) is None, seconds=1.5)
    assert keys.find(other.encode())
    assert {listed.id: listed.revoked_at is not None for listed in keys.all()}[key_id] is True


def test_only_a_key_that_works_can_be_revoked(keys) -> None:
    key_id = keys.find(keys.create("secret", "demo").encode()).id
    keys.revoke(key_id)
    when = keys.all()[0].revoked_at
    assert [keys.revoke(wrong) for wrong in (key_id, "unknown", "")] == [False] * 3
    assert keys.all()[0].revoked_at == when


def test_a_rotated_key_has_a_new_text_and_is_otherwise_the_same(keys) -> None:
    old = keys.create("widget", "demo", "site", ["https://example.com"], require_origin=True, budget=5)
    before = keys.find(old.encode())
    new = keys.rotate(before.id)
    assert re.fullmatch(r"wk_[\w-]{43}", new)
    assert new != old
    assert eventually(lambda: keys.find(old.encode()) is None, seconds=5)
    after = keys.find(new.encode())
    assert after.hash != before.hash
    assert replace(after, hash=before.hash) == before
    assert keys.all() == [after]


def test_only_a_key_that_works_can_be_rotated(keys) -> None:
    key = keys.create("secret", "demo")
    key_id = keys.find(key.encode()).id
    keys.revoke(key_id)
    before = keys.all()
    assert [keys.rotate(wrong) for wrong in (key_id, "unknown", "")] == [None] * 3
    assert keys.all() == before


def test_an_expired_key_is_none_until_it_is_given_more_time(keys, database) -> None:
    key = keys.create("widget", "demo", origins=["https://a.example"], expires_at=now() + 400).encode()
    assert keys.find(key).is_active
    assert KeyStore(database).some_key_allows("https://a.example") is True
    assert eventually(lambda: keys.find(key) is None, seconds=2)
    (listed,) = keys.all()
    assert (listed.is_active, listed.revoked_at, keys.rotate(listed.id)) == (False, None, None)
    assert KeyStore(database).some_key_allows("https://a.example") is False
    assert keys.update(listed.id, {"expires_at": now() + 60_000})
    assert keys.find(key).is_active


def test_what_is_not_named_stays_when_a_key_is_changed(keys) -> None:
    key = keys.create("widget", "demo", "site", ["https://a.example"], require_origin=True, budget=5)
    before = keys.find(key.encode())
    assert keys.update(before.id, {"name": "shop", "credits": None})
    assert keys.all() == [replace(before, name="shop", credits=None)]
    assert keys.update(before.id, {"origins": [], "require_origin": False})
    assert keys.all() == [replace(before, name="shop", credits=None, origins=(), require_origin=False)]


def test_a_key_is_changed_into_none_that_could_not_work(keys) -> None:
    bound = keys.find(keys.create("widget", "demo", "", ["https://a.example"], require_origin=True).encode())
    secret = keys.find(keys.create("secret", "demo").encode())
    before = keys.all()
    for key, changes in (
        (bound, {"origins": []}),
        (secret, {"origins": []}),
        (secret, {"origins": ["https://a.example"]}),
        (secret, {"require_origin": True}),
    ):
        with pytest.raises(ValueError, match="origin"):
            keys.update(key.id, changes)
    assert keys.all() == before
    keys.revoke(secret.id)
    assert [keys.update(wrong, {"name": "x"}) for wrong in (secret.id, "unknown")] == [False] * 2


def test_an_origin_is_allowed_where_some_working_widget_key_takes_it(keys, database) -> None:
    def allows(origin: str) -> bool:
        return KeyStore(database).some_key_allows(origin)

    assert allows("https://a.example") is False
    keys.create("secret", "demo")
    assert allows("https://a.example") is False, "secret keys are for no page"
    listed = keys.find(keys.create("widget", "demo", origins=["https://a.example"]).encode())
    assert allows("https://a.example") is True
    assert allows("https://b.example") is False
    keys.revoke(listed.id)
    assert allows("https://a.example") is False
    keys.create("widget", "demo")
    assert allows("https://b.example") is True, "a key without origins takes any"


def test_origins_are_read_once_a_second_however_many_preflights_come(keys) -> None:
    assert keys.some_key_allows("https://a.example") is False
    keys.create("widget", "demo")
    assert [keys.some_key_allows("https://a.example") for _ in range(100)] == [False] * 100
    eventually(lambda: keys.some_key_allows("https://a.example"), 3)


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("  HTTPS://Example.COM ", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80/", "http://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("https://example.com:", "https://example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(given, origin) -> None:
    assert normalised_origin(given) == origin
    assert normalised_origin(origin) == origin


@pytest.mark.parametrize(
    "given",
    [
        *("", "*", "null", "example.com", "//example.com", "https://", "https://:443", "ftp://example.com"),
        *("https://example.com/path", "https://example.com?x=1", "https://example.com#x", "https://user@example.com"),
        *("https://:password@example.com", "https://example.com:99999", "https://example.com:port", "https://[::1"),
        *("file:///tmp", "javascript:alert(1)", "https://a.example https://b.example", "https://a b.example"),
        "https://a.example,https://b.example",
    ],
)
def test_what_is_no_origin_is_refused(given) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normalised_origin(given)
