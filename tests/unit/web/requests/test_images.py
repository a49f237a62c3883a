"""Which images callers may send for a model to look at."""

import pytest
from marshmallow import ValidationError

from app.engine.messages import ImagePart
from app.web.requests.images import LONGEST_ADDRESS, data_url, image_part, media_type

PIXEL = "iVBORw0KGgo="
HERE = f"data:image/png;base64,{PIXEL}"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/a.png",
        "https://example.com:8443/a/b.png?size=2&x=%20#part",
        "https://[2001:db8::1]/a.png",
        "https://bücher.example/a.png",
        "https://example.com/user@home.png",
        f"https://example.com/{'a' * (LONGEST_ADDRESS - 20)}",
        HERE,
        f"data:image/svg+xml;base64,{PIXEL}",
    ],
)
def test_an_https_address_or_a_data_url_of_an_image_is_taken_as_it_is(url) -> None:
    assert image_part(url, "low") == ImagePart(url, "low")


def test_what_a_data_url_begins_with_may_be_written_in_capitals() -> None:
    assert image_part(f"DATA:Image/PNG;Base64,{PIXEL}") == ImagePart(HERE)


NO_ADDRESS = "Not an https address, nor a data URL of an image."
NO_DATA_URL = "Not a data URL of an image in base64."
NO_BASE64 = "The image's data is not base64."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", NO_ADDRESS),
        ("a.png", NO_ADDRESS),
        ("http://example.com/a.png", NO_ADDRESS),
        ("file:///etc/passwd", NO_ADDRESS),
        ("javascript:alert(1)", NO_ADDRESS),
        ("https://", NO_ADDRESS),
        ("https:///a.png", NO_ADDRESS),
        ("https://user:password@example.com/a.png", NO_ADDRESS),
        ("https://example.com/a b.png", NO_ADDRESS),
        ("https://example.com/a.png\n", NO_ADDRESS),
        ("https://example.com\\@evil.example/", NO_ADDRESS),
        (f"https://example.com/{'a' * LONGEST_ADDRESS}", NO_ADDRESS),
        ("data:", NO_DATA_URL),
        (f"data:;base64,{PIXEL}", NO_DATA_URL),
        (f"data:text/html;base64,{PIXEL}", NO_DATA_URL),
        (f"data:application/pdf;base64,{PIXEL}", NO_DATA_URL),
        ("data:image/png,abc", NO_DATA_URL),
        (f"data:image/png;charset=x;base64,{PIXEL}", NO_DATA_URL),
        ("data:image/png;base64,", NO_BASE64),
        ("data:image/png;base64,iVBORw0KGgo", NO_BASE64),
        ("data:image/png;base64,iVBO Rw0KGgo=", NO_BASE64),
        ("data:image/png;base64,iVBORw0KGgo=\n", NO_BASE64),
        ("data:image/png;base64,<b>", NO_BASE64),
        ("data:image/png;base64,ü", NO_BASE64),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(url, said) -> None:
    with pytest.raises(ValidationError) as refused:
        image_part(url)
    assert refused.value.messages == [said]


@pytest.mark.parametrize(
    ("kind", "fine"), [("image/png", True), ("image/jpeg", True), ("text/html", False), ("", False)]
)
def test_type_and_data_that_come_apart_make_a_data_url(kind, fine) -> None:
    if fine:
        assert image_part(data_url(kind, PIXEL)).url == f"data:{kind};base64,{PIXEL}"
    else:
        with pytest.raises(ValidationError):
            image_part(data_url(kind, PIXEL))


def test_the_type_of_an_image_is_told_where_it_is_known() -> None:
    assert media_type(HERE) == "image/png"
    assert media_type("https://example.com/a.png") == "image/*"
