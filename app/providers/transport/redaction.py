"""The keys of model servers. Some servers repeat theirs in what they say of a failure, which the log is to hold."""

LEAST_LENGTH = 12  # local servers are given words such as "none" for a key

_keys: set[str] = set()


def remember(key: str) -> str:
    if len(key) >= LEAST_LENGTH:
        _keys.add(key)
    return key


def without_keys(said: object) -> str:
    """As it may stand in the log."""
    text = str(said)
    for key in _keys:
        text = text.replace(key, "[key]")
    return text
