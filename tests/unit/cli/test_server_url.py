"""What `parlance doctor` takes for an address and for a silence, before anything is looked at."""

import pytest
from click.testing import CliRunner

from app.cli.doctor import doctor
from app.cli.server_url import ServerUrl

NO_URL = "This is no http(s) URL"
REFUSED = {
    "": NO_URL,
    " ": NO_URL,
    "nonsense": NO_URL,
    "127.0.0.1:8311": NO_URL,
    "localhost:8311": NO_URL,
    "ftp://x": NO_URL,
    "http://": NO_URL,
    "http://:8000": NO_URL,
    "http://host:": NO_URL,
    "http://127.0.0.1:0": NO_URL,
    "http://127.0.0.1:99999": NO_URL,
    "http://127.0.0.1:-1": NO_URL,
    "http://127.0.0.1:x": NO_URL,
    "http://[::1": NO_URL,
    "http://[x]": NO_URL,
    "http://a..b": NO_URL,
    f"http://{'a' * 64}.example": NO_URL,
    "http://127.0.0.1:8000/ü": "ASCII",
    "http://münchen.example": "ASCII",
    "http://host/a b": "ASCII",
    "http://ho\nst": "ASCII",
    "http://host/\0": "ASCII",
    "http://host/?a=b": "No query",
    "http://host/#a": "No query",
    "http://u:secretpw@host": "No user",
    "http://u:secretpw@": NO_URL,
    "http://u:secretpw@host:99999": NO_URL,
    "http://secretpw@[::1": NO_URL,
    "u:secretpw@host": NO_URL,
}


def test_an_address_is_an_http_url() -> None:
    for url in ("http://127.0.0.1:8000", "https://chat.example.com/below/", "HTTP://[::1]:80", "http://h/%C3%BC"):
        assert ServerUrl().convert(url, None, None) == url


@pytest.mark.parametrize("option", ["--url", "--direct"])
@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_address_is_refused_and_not_shown(option, url) -> None:
    ran = CliRunner().invoke(doctor, [option, url])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert f"'{option}'" in ran.stderr
    assert REFUSED[url] in ran.stderr
    assert "secretpw" not in ran.stderr


def test_a_direct_address_alone_is_refused() -> None:
    ran = CliRunner().invoke(doctor, ["--direct", "http://127.0.0.1:1"])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--direct is compared with --url, which is missing." in ran.stderr


@pytest.mark.parametrize("silence", ["nan", "-nan", "inf", "-inf", "-1", "901", "1e999", "x", ""])
def test_a_silence_that_is_none_is_refused(silence) -> None:
    ran = CliRunner().invoke(doctor, ["--url", "http://127.0.0.1:1", "--silence", silence])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "'--silence'" in ran.stderr
