"""Operators are told of what happens: signed HTTP posts, tried again until they are taken."""
