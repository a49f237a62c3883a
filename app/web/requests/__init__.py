"""What callers send: bodies and queries, bounded and checked."""
