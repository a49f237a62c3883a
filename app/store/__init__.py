"""The database: conversations, keys, users and what belongs to them, a file for each. Stores return dataclasses, never
rows; times are milliseconds since the epoch (wall clock), ids are 32 hexadecimal digits."""
