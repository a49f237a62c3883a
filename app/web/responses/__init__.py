"""What callers get: streams, whole replies, errors."""
