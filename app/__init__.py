"""Parlance: a chat backend that speaks the wire its callers already speak. `main.py` is where it begins."""
