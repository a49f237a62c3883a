"""Turns and answers in plain Python: nothing here knows HTTP, a database or a model's protocol."""
