"""The signature of a request, as Standard Webhooks has it (github.com/standard-webhooks/standard-webhooks, 1.0.0)."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hmac import digest

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret


def secret_bytes(written: str) -> bytes:
    """What a secret signs with: behind `whsec_` stands Base64, anything else is the bytes of the text itself.

    Raises ValueError where that is no Base64, or fewer than LEAST or more than MOST bytes."""
    try:
        base64 = written.startswith(PREFIX)
        secret = b64decode(written.removeprefix(PREFIX), validate=True) if base64 else written.encode()
    except binascii.Error as error:
        raise ValueError(f"has no Base64 behind {PREFIX}") from error
    if not LEAST <= len(secret) <= MOST:
        raise ValueError(f"has {len(secret)} bytes; a secret has {LEAST} to {MOST}")
    return secret


def signed_headers(secret: bytes, message_id: str, timestamp: int, body: str) -> Mapping[str, str]:
    """Of one attempt at `timestamp`, in seconds since the epoch; the id is the same in all of them, and has no dot."""
    signature = digest(secret, f"{message_id}.{timestamp}.{body}".encode(), "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }
