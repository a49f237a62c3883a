"""Finds passages: an index in one file, made once and only read from then on."""
