"""What is got over HTTP, from a real server that does what servers do, and what some do besides."""

import gzip
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from support.http_request_tool import Names
from support.site import answer, endless, raw, redirect, running_site

from app.knowledge.pages.fetching import MOST_PAGE_BYTES, Fetcher, OutOfBoundsError, SkippedError, gunzipped
from app.testing.model_server import ModelServer, make_certificate, whole
from app.tools.http_request.hosts import parse_host

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"


@pytest.fixture
def site():
    with running_site() as running:
        yield running


def fetcher(site, **options) -> Fetcher:
    return Fetcher([parse_host(site.host)], **options)


def anywhere(_: str) -> None:
    """Every address may be asked for."""


def get(site, path, **options):
    return fetcher(site, **options).get(f"{site.url}{path}", anywhere)


def refused(site, path, **options) -> str:
    with pytest.raises(SkippedError) as raised:
        get(site, path, **options)
    return str(raised.value)


def test_a_page_is_got_with_the_program_s_name_and_no_cookie(site) -> None:
    site.pages["/a?b=c"] = answer(b"<p>Tea</p>", "text/html; charset=utf-8", set_cookie="a=b")
    got = get(site, "/a?b=c")
    assert (got.status, got.body, got.content_type, got.url) == (200, b"<p>Tea</p>", "text/html", f"{site.url}/a?b=c")
    ((_, headers, _),) = site.asked
    assert headers["User-Agent"].startswith("Parlance/")
    assert headers["Host"] == site.host
    assert "Cookie" not in headers


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_packed_is_unpacked(site, encoding) -> None:
    data = gzip.compress(b"Tea" * 1000) if encoding == "gzip" else zlib.compress(b"Tea" * 1000)
    site.pages["/"] = answer(data, content_encoding=encoding)
    assert get(site, "/").body == b"Tea" * 1000


def test_a_body_in_chunks_is_read_to_its_end_and_one_that_breaks_off_is_none(site) -> None:
    site.pages["/whole"] = raw(HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nTea\r\n0\r\n\r\n")
    site.pages["/cut"] = raw(HEAD + b"transfer-encoding: chunked\r\n\r\n30\r\nTea\r\n")
    site.pages["/short"] = raw(HEAD + b"content-length: 30\r\n\r\nTea")
    site.pages["/packed"] = raw(HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"Tea" * 1000)[:20])
    assert get(site, "/whole").body == b"Tea"
    for path in ("/cut", "/short"):
        assert refused(site, path) == "the answer is broken: the response was cut"
    assert refused(site, "/packed") == "cannot be unpacked: it is cut off"


def test_a_page_that_never_ends_is_left_where_it_is_too_large(site) -> None:
    site.pages["/"] = endless(HEAD + b"\r\n", b"<p>Tea</p>" * 5000)
    assert refused(site, "/") == "larger than 5,000,000 bytes"
    site.pages["/chunks"] = endless(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1;" + b"x" * 900 + b"\r\nT\r\n")
    assert refused(site, "/chunks") == "larger than 5,000,000 bytes", "what stands around chunks counts, too"
    site.pages["/told"] = raw(HEAD + b"content-length: 999999999\r\n\r\nTea", b"", pause=0.1)
    assert refused(site, "/told") == "larger than 5,000,000 bytes"


def test_a_head_that_never_ends_is_left(site) -> None:
    site.pages["/fields"] = endless(HEAD, b"x-a: " + b"b" * 1000 + b"\r\n")
    assert refused(site, "/fields") == "the answer is broken: endless response head"
    site.pages["/interim"] = endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
    assert refused(site, "/interim") == "the answer is broken: it has no head"


def test_a_bomb_is_not_unpacked(site) -> None:
    site.pages["/"] = answer(gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    begun = time.process_time()
    assert refused(site, "/") == "larger than 5,000,000 bytes when it is unpacked"
    site.pages["/parts"] = answer(gzip.compress(b"") * 100_000, content_encoding="gzip")
    assert refused(site, "/parts") == "packed in too many parts"
    assert time.process_time() - begun < 3


def test_a_file_that_is_packed_itself_is_unpacked_as_far_as_it_may_be() -> None:
    assert gunzipped(gzip.compress(b"Tea ") + gzip.compress(b"house")) == b"Tea house"
    assert gunzipped(b"Tea") == b"Tea"
    with pytest.raises(SkippedError, match="larger than"):
        gunzipped(gzip.compress(bytes(MOST_PAGE_BYTES + 1)))
    with pytest.raises(SkippedError, match="unpacked"):
        gunzipped(b"\x1f\x8bTea")


@pytest.mark.timed
def test_a_page_that_comes_byte_by_byte_is_left_when_its_time_is_up(site) -> None:
    site.pages["/"] = raw(HEAD + b"\r\n", *[b"T"] * 100, pause=0.05)
    begun = time.monotonic()
    assert refused(site, "/", seconds=0.5) == "not whole within 0.5 s"
    assert time.monotonic() - begun < 2


def test_a_redirect_is_followed_to_where_it_may_lead(site) -> None:
    site.pages["/old"] = redirect("/new?a=b#c", 301)
    site.pages["/new?a=b"] = answer(b"Tea")
    site.pages["/later"] = redirect(f"{site.url}/old", 302)
    asked: list[str] = []
    got = fetcher(site).get(f"{site.url}/old", asked.append)
    assert (got.url, got.body, got.moved) == (f"{site.url}/new?a=b", b"Tea", True)
    assert asked == [f"{site.url}/old", f"{site.url}/new?a=b"], "each address on the way is asked about"
    assert not get(site, "/later").moved


def test_redirects_that_go_round_for_ever_or_nowhere_are_left(site) -> None:
    site.pages["/a"], site.pages["/b"] = redirect("/b"), redirect("/a")
    assert refused(site, "/a") == "redirects more than 5 times"
    assert len(site.asked) == 6
    for location in ("file:///etc/passwd", "javascript:alert(1)", "gopher://x/", ""):
        site.pages["/c"] = redirect(location)
        assert refused(site, "/c").startswith("redirects"), location


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://localhost/"]
)
def test_a_redirect_leads_to_no_private_address_that_is_not_named(site, where) -> None:
    site.pages["/"] = redirect(where)
    assert "may not be reached" in refused(site, "/")
    assert site.paths == ["/"]


def test_an_address_is_private_unless_its_host_and_port_are_named(site) -> None:
    with pytest.raises(SkippedError, match=r"^127.0.0.1 has an address that may not be reached$"):
        Fetcher().get(f"{site.url}/", anywhere)
    with pytest.raises(SkippedError, match="may not be reached"):
        Fetcher([parse_host("127.0.0.1")]).get(f"{site.url}/", anywhere)
    with pytest.raises(SkippedError, match="may not be reached"):
        Fetcher([parse_host("169.254.169.254")]).get("http://169.254.169.254/", anywhere)
    assert site.asked == []


def test_a_name_that_means_another_address_a_moment_later_is_asked_at_the_one_that_was_checked(site) -> None:
    site.pages["/"] = answer(b"inside")
    names = Names({"shop.test": [["203.0.113.9"], ["127.0.0.1"]]})
    port = site.host.rpartition(":")[2]
    with pytest.raises(SkippedError, match="may not be reached"):
        Fetcher(look_up=names).get(f"http://shop.test:{port}/", anywhere)
    with pytest.raises(SkippedError, match="may not be reached"):
        Fetcher(look_up=names).get(f"http://shop.test:{port}/", anywhere)
    assert site.asked == []


def test_a_certificate_is_checked(tmp_path, monkeypatch) -> None:
    certificate = make_certificate(tmp_path)
    with ModelServer(certificate) as server:
        host = server.url.removeprefix("https://")
        with pytest.raises(SkippedError, match="localhost has no valid certificate"):
            Fetcher([parse_host(host)]).get(f"{server.url}/", anywhere)
        assert server.requests == []
        server.play(whole(b"Tea", content_type="text/html"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert Fetcher([parse_host(host)]).get(f"{server.url}/", anywhere).body == b"Tea"


@pytest.mark.parametrize(("status", "gone"), [(404, True), (410, True), (403, False), (500, False), (206, False)])
def test_any_other_status_is_a_reason(site, status, gone) -> None:
    site.pages["/"] = answer(b"<p>Sorry</p>", status=status)
    with pytest.raises(SkippedError, match=f"^the server answers {status}$") as raised:
        get(site, "/")
    assert raised.value.gone is gone


def test_what_has_not_changed_is_not_sent_again(site) -> None:
    site.pages["/"] = answer(b"Tea", etag='"1"')
    assert fetcher(site).get(f"{site.url}/", anywhere, {"If-None-Match": '"1"'}).status == 304
    assert fetcher(site).get(f"{site.url}/", anywhere, {"If-None-Match": '"2"'}).body == b"Tea"
    site.pages["/other"] = redirect("/")
    assert fetcher(site).get(f"{site.url}/other", anywhere, {"If-None-Match": '"1"'}).body == b"Tea", "another page's"


@pytest.mark.timed
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_come_again_later_is_given_that_time(site, status) -> None:
    given = iter([answer(b"", status=status, retry_after="1"), answer(b"Tea")])
    site.pages["/"] = lambda handler: next(given)(handler)  # noqa: PLW0108 - another one each time
    assert get(site, "/").body == b"Tea"
    assert site.asked[1][2] - site.asked[0][2] >= 1


def test_a_server_that_asks_for_more_time_than_there_is_is_left(site) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for value in ("3600", later):
        site.pages["/"] = answer(b"", status=503, retry_after=value)
        assert refused(site, "/") == "the server answers 503"
    assert len(site.asked) == 2


@pytest.mark.timed
def test_requests_keep_their_pace_and_what_a_site_asks_for(site) -> None:
    site.pages["/"] = answer(b"Tea")
    slow = fetcher(site, pace=0.1)
    for _ in range(3):
        slow.get(f"{site.url}/", anywhere)
    slow.slow_down("127.0.0.1", 0.3)
    slow.get(f"{site.url}/", anywhere)
    times = [at for *_, at in site.asked]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(pause >= 0.1 for pause in pauses), pauses
    assert pauses[-1] >= 0.3


@pytest.mark.timed
def test_all_requests_together_have_their_time(site) -> None:
    site.pages["/"] = answer(b"Tea")
    hurried = fetcher(site, seconds=0.3)
    hurried.get(f"{site.url}/", anywhere)
    time.sleep(0.3)
    with pytest.raises(OutOfBoundsError, match="the time is up"):
        hurried.get(f"{site.url}/", anywhere)


def test_a_server_that_answers_nothing_is_not_asked_for_ever(site) -> None:
    url = f"http://127.0.0.1:{site.host.rpartition(':')[2]}"
    gone = Fetcher([parse_host("127.0.0.1:9")])
    for _ in range(5):
        with pytest.raises(SkippedError, match=r"127\.0\.0\.1 does not answer"):
            gone.get("http://127.0.0.1:9/", anywhere)
    with pytest.raises(OutOfBoundsError, match="5 requests in a row were not answered"):
        gone.get(f"{url}/", anywhere)
