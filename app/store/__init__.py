"""What is kept: conversations and keys. Everything returns plain dataclasses, never rows."""
