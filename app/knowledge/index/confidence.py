"""How sure it is that a passage answers a question by itself."""

CONFIDENT = 0.5  # from here on a passage answers a question by itself
