"""Images that callers send for a model to look at: an address, which only the model's server fetches, or a data URL."""

import binascii
import re

from marshmallow import ValidationError

from app.engine.messages import ImagePart

LONGEST_ADDRESS = 8192  # characters
_DATA = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,", re.IGNORECASE)
_ADDRESS = re.compile(r"https://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?", re.IGNORECASE)


def image_part(url: str, detail: str = "") -> ImagePart:
    """Raises ValidationError for what is neither an https address nor a data URL of an image in base64."""
    head = _DATA.match(url)
    if head:
        data = url[head.end() :]
        if not data or not _is_base64(data):
            raise ValidationError("The image's data is not base64.")
        return ImagePart(f"{head[0].lower()}{data}", detail)
    if url[:5].lower() == "data:":
        raise ValidationError("Not a data URL of an image in base64.")
    if len(url) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(url):
        raise ValidationError("Not an https address, nor a data URL of an image.")
    return ImagePart(url, detail)


def data_url(media_type: str, data: str) -> str:
    """Of an image whose type and data (base64) come apart."""
    return f"data:{media_type};base64,{data}"


def media_type(url: str) -> str:
    """Of an image as it was accepted; of an address nobody here knows which."""
    return url.removeprefix("data:").partition(";")[0] if url.startswith("data:") else "image/*"


def _is_base64(data: str) -> bool:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return True
