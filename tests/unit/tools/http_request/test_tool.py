"""Where `http_request` goes and where it does not, with real servers on this machine as what must not be reached."""

import gevent
import pytest
from marshmallow import ValidationError
from support.http_request_tool import Requester

from app.testing.model_server import ModelServer, whole
from app.tools.http_request.hosts import parse_host
from app.tools.http_request.metadata import NAMES
from app.tools.http_request.tool import HttpRequestOptions

HELLO = whole(b"hello", content_type="text/plain")
NOT_LISTED = "This host and port are not among those that may be reached."
NO_URL = "That is not a URL such as https://api.example.com/path."


@pytest.fixture(scope="module")
def inside():
    """A server that only this machine can reach."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def server(inside):
    inside.play(HELLO)
    return inside


def reached(server: ModelServer) -> bool:
    """Whether anything has come; what was sent comes before what is sent now."""
    requester = Requester(private=[f"own.test:{server.port}"], names={"own.test": [["127.0.0.1"]]})
    requester.ask(f"http://own.test:{server.port}/last")
    return [request.path for request in server.requests] != ["/last"]


THIS_MACHINE = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"]
ONES_OWN = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd00:ec2::254"]
WRAPPED = ["::ffff:10.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"]
WRAPPED += [
    "2001:0:7f00:1::",
    "2001:0:5db8:d822:0:0:80ff:fffe",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::7f00:1",
]
NOWHERE = ["169.254.169.254", "fe80::1", "fec0::1", "224.0.0.1", "239.255.255.250", "ff02::1", "240.0.0.1"]
NOWHERE += ["255.255.255.255", "0.1.2.3", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1"]
NOWHERE += ["203.0.113.1", "2001:db8::1", "2001:20::1", "3fff::1", "5f00::1", "100::1", "4000::1"]


@pytest.mark.parametrize("address", [*THIS_MACHINE, *ONES_OWN, *WRAPPED, *NOWHERE])
def test_a_public_host_whose_address_is_not_public_is_not_reached(server, address) -> None:
    requester = Requester([f"api.test:{server.port}"], names={"api.test": [[address]]})
    assert requester.refused(f"http://api.test:{server.port}/") == "api.test has an address that may not be reached."
    assert requester.names.asked == ["api.test"]
    assert not reached(server)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_private_host_may_be_on_this_machine(server, address) -> None:
    requester = Requester(private=[f"orders.internal:{server.port}"], names={"orders.internal": [[address]]})
    assert requester.ask(f"http://orders.internal:{server.port}/")["body"] == "hello"


METADATA = (
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "169.254.42.42", "169.254.1.1"),
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    *("fd00:c1::a9fe:a9fe", "fd00:100::100:200", "fd00:42::42", "fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe", "fe80::1%lo"),
    *("2002:a9fe:a9fe::1", "2002:a83f:8110::1"),  # 6to4
    *("::ffff:169.254.169.254", "::ffff:100.100.100.200", "::ffff:168.63.129.16", "::ffff:192.0.0.192"),  # mapped
    *("64:ff9b::a9fe:a9fe", "64:ff9b::a83f:8110", "64:ff9b::6464:64c8"),  # NAT64
    *("64:ff9b:1::a9fe:a9fe", "2606:4700:64::a83f:8110", "fd12:3456::a83f:8110"),  # NAT64 of one's own
    *("2001:0:a83f:8110::fefe:fefe", "2001:0:101:101::57c0:7eef", "2001:0:101:101::5601:5601"),  # Teredo
    *("::169.254.169.254", "::ffff:0:169.254.169.254", "fd12::5efe:169.254.169.254"),  # compatible, translated, ISATAP
)


@pytest.mark.parametrize("address", METADATA)
def test_no_configuration_reaches_a_clouds_metadata(server, address) -> None:
    """By a name that is listed, as one that may be public or as one's own; nor where the address is listed itself."""
    port = server.port
    for hosts in ({"hosts": [f"cloud.test:{port}"]}, {"private": [f"cloud.test:{port}"]}):
        requester = Requester(**hosts, names={"cloud.test": [[address]]})
        assert "may not be reached" in requester.refused(f"http://cloud.test:{port}/")
    text = f"[{address}]" if ":" in address else address
    if "%" not in text:
        requester = Requester([f"{text}:{port}"], [f"{text}:{port}"])
        assert "may not be reached" in requester.refused(f"http://{text}:{port}/")
    assert not reached(server)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_names_of_clouds_metadata_are_not_even_looked_up(server, name) -> None:
    listed = [f"{name}:{server.port}", f"*.google.internal:{server.port}"]
    requester = Requester(listed, listed, names={name: [["127.0.0.1"]]})
    assert "may not be reached" in requester.refused(f"http://{name.upper()}:{server.port}/")
    assert requester.names.asked == []
    assert not reached(server)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]:80", "Metadata.Google.Internal", "168.63.129.16"])
def test_a_clouds_metadata_in_the_configuration_stops_the_start(host) -> None:
    for key in ("hosts", "private_hosts"):
        with pytest.raises(ValidationError, match="metadata service"):
            HttpRequestOptions().load({key: [host]})


@pytest.mark.parametrize("address", ["0.0.0.0", "::", *NOWHERE])
def test_not_even_a_private_host_is_reached_where_clouds_keep_their_secrets(server, address) -> None:
    requester = Requester(private=[f"orders.internal:{server.port}"], names={"orders.internal": [[address]]})
    assert "may not be reached" in requester.refused(f"http://orders.internal:{server.port}/")
    assert not reached(server)


def test_a_name_with_one_address_that_may_not_be_reached_is_not_reached_at_another(server) -> None:
    addresses = ["127.0.0.1", "169.254.169.254"]
    for given in (addresses, addresses[::-1]):
        requester = Requester(private=[f"own.test:{server.port}"], names={"own.test": [given]})
        assert "may not be reached" in requester.refused(f"http://own.test:{server.port}/")
    assert not reached(server)


def test_the_address_that_was_checked_is_the_one_that_is_reached(server) -> None:
    with ModelServer(at=("127.0.0.2", server.port)) as checked:
        checked.play(HELLO)
        names = {"own.test": [["127.0.0.2"], ["169.254.169.254"], ["127.0.0.1"]]}
        requester = Requester(private=[f"own.test:{server.port}"], names=names)
        requester.ask(f"http://own.test:{server.port}/")
        assert requester.names.asked == ["own.test"], "a second lookup could say something else"
        assert checked.requests[0].headers["host"] == f"own.test:{server.port}"
        assert server.requests == []
        assert "may not be reached" in requester.refused(f"http://own.test:{server.port}/"), "each request looks anew"


def test_where_one_address_does_not_answer_the_next_is_tried(server) -> None:
    requester = Requester(
        private=[f"own.test:{server.port}"], names={"own.test": [["127.0.0.3", "127.0.0.4", "127.0.0.1"]]}
    )
    assert requester.ask(f"http://own.test:{server.port}/")["status"] == 200
    nobody = Requester(private=[f"own.test:{server.port}"], names={"own.test": [["127.0.0.3", "127.0.0.4"]]})
    assert nobody.refused(f"http://own.test:{server.port}/") == "own.test does not answer."


def test_a_name_that_means_nothing_is_told() -> None:
    assert Requester(["gone.invalid"]).refused("http://gone.invalid/") == "There is no address for gone.invalid."


@pytest.mark.parametrize(
    "host",
    ["2130706433", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "127.0.0.01", "0"],
)
def test_an_address_in_disguise_is_no_host(server, host) -> None:
    requester = Requester(private=[f"127.0.0.1:{server.port}", f"*.0.test:{server.port}"])
    assert requester.refused(f"http://{host}:{server.port}/") == NO_URL
    assert requester.names.asked == []
    assert not reached(server)
    with pytest.raises(ValueError, match="is not a host"):
        parse_host(f"{host}:{server.port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "own.test.", "own.test%2e"])
def test_this_machine_by_any_name_is_not_listed_unless_it_is(server, host) -> None:
    requester = Requester(["api.test"], ["own.test"], names={"own.test": [["127.0.0.1"]]})
    assert requester.refused(f"http://{host}:{server.port}/") in (NOT_LISTED, NO_URL)
    assert requester.names.asked == []
    assert not reached(server)


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "own.test", "//own.test/", "/path", "ftp://own.test/", "file:///etc/passwd", "gopher://own.test/"),
        *("javascript:1", "http:own.test", "http:///", "http://", "https://:80/", "http://own.test:x/"),
        *("http://own.test:99999/", "http://own.test:-1/", "http://[::1/", "http://[own.test]/", "http://[v1.x]/"),
        *("http://me:secret@own.test/", "http://me@own.test/", "http://@own.test/", "http://evil.test\\@own.test/"),
        *("http://own.test/\r\nX: y", "http://own.test/a b", "http://own.test\x00/"),
        *(
            "\thttp://own.test/",
            "http://own\n.test/",
            "http://ow\u200bn.test/",
            "http://öwn.test/",
            "http://own.test/ä",
        ),
        *("http://ⓞwn.test/", "http://own..test/", "http://.own.test/", "http://own.test./", "http://*.test/"),
        *("http://own.test\\.evil.test/", "http://own%2etest/", "http://" + "a" * 64 + ".test/", "http://\ud800/"),
        "http://own.test/" + "a" * 2000,
    ],
)
def test_what_is_no_url_that_can_be_requested_is_refused(url) -> None:
    requester = Requester(private=["own.test", "*.own.test"], names={"own.test": [["127.0.0.1"]]})
    reason = requester.refused(url)
    assert reason == NO_URL or reason.startswith("The arguments are wrong: "), reason
    assert requester.names.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_result_and_is_not_followed(server, status) -> None:
    with ModelServer() as first:
        first.play(whole(b"over there", status, "text/plain", location=f"http://own.test:{server.port}/"))
        hosts = [f"own.test:{first.port}", f"own.test:{server.port}"]
        requester = Requester(private=hosts, names={"own.test": [["127.0.0.1"]]})
        answer = requester.ask(f"http://own.test:{first.port}/")
    assert answer == {"status": status, "contentType": "text/plain", "body": "over there", "truncated": False}
    assert not reached(server)


def test_a_lookup_that_hangs_is_cut_at_the_time_limit() -> None:
    requester = Requester(["api.test"], seconds=0.2, look_up=lambda *_, **__: gevent.sleep(60))
    assert requester.refused("http://api.test/") == "The tool took longer than 0.2 seconds."
