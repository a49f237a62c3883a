"""Models that need no server: the built-in one, and one that plays scripts for tests."""
