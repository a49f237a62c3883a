"""Keeps the keys of model servers out of the log: some servers repeat the key in what they say of a failure."""

LEAST_LENGTH = 12  # characters; local servers are given words such as "none" for a key

_keys: set[str] = set()


def register_key(key: str) -> str:
    """Have the key redacted from now on, unless it is shorter than LEAST_LENGTH; returns the key."""
    if len(key) >= LEAST_LENGTH:
        _keys.add(key)
    return key


def redacted(value: object) -> str:
    """The value as text, with `[key]` in place of every registered key."""
    text = str(value)
    for key in _keys:
        text = text.replace(key, "[key]")
    return text
