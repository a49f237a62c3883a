"""Reads documents: a reader for each format, in a process beside that of whoever asks."""
