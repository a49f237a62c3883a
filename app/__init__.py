"""Parlance: a chat backend that speaks the wire its callers already speak. `main.py` is where it begins."""

VERSION = "0.1.0"
