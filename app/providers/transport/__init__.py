"""The way to model servers: connections, HTTP/1.1, server-sent events, time limits. No API is known here."""
