"""Keys do not reach the log; short words that stand for none are no keys."""

from app.providers.transport.redaction import LEAST_LENGTH, redacted, register_key


def test_a_registered_key_is_redacted_wherever_it_stands_and_whatever_holds_it() -> None:
    key = register_key("sk-test-redaction-1")
    assert key == "sk-test-redaction-1"
    assert redacted(f"{key} and Bearer {key}.") == "[key] and Bearer [key]."
    assert redacted({"message": f"no such key: {key}"}) == "{'message': 'no such key: [key]'}"


def test_what_is_shorter_than_any_key_is_left_in_the_text() -> None:
    word = register_key("n" * (LEAST_LENGTH - 1))
    assert redacted(f"x{word}x") == f"x{word}x"
