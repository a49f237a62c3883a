"""Signatures that the official library of Standard Webhooks verifies, and which secrets there are."""

import time
from base64 import b64encode

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.webhooks.signing import secret_bytes, signed_headers

RAW = bytes(range(24))
SECRET = f"whsec_{b64encode(RAW).decode()}"
BODY = '{"type":"question.unanswered","data":{"question":"\\u00e9"}}'


@pytest.mark.parametrize("secret", [SECRET, "correct horse battery staple"])
def test_the_official_library_verifies_what_was_signed_and_nothing_else(secret) -> None:
    verifier = Webhook(secret if secret.startswith("whsec_") else secret.encode())
    headers = dict(signed_headers(secret_bytes(secret), "0a1b", int(time.time()), BODY))
    assert verifier.verify(BODY, headers)["type"] == "question.unanswered"
    for changed in ({"webhook-id": "0a1c"}, {"webhook-timestamp": str(int(time.time()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(BODY, headers | changed)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(BODY.replace("question", "answer"), headers)


def test_the_example_of_the_specifications_libraries_is_signed_as_there() -> None:
    """Of libraries/javascript/src/webhook.test.ts, "sign function works"."""
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("too short", "has 9 bytes; a secret has 24 to 64"),
        ("x" * 65, "has 65 bytes"),
        ("whsec_" + b64encode(bytes(23)).decode(), "has 23 bytes"),
        ("whsec_not Base64 at all, though it is long enough", "has no Base64 behind whsec_"),
    ],
)
def test_a_secret_that_is_none_is_refused(written, problem) -> None:
    with pytest.raises(ValueError, match=problem):
        secret_bytes(written)
