"""Keys as the command line prints them."""

from app.testing.server import Server

KEY = r"(?:wk|sk)_[\w-]{43}"


def listed(server: Server) -> list[list[str]]:
    return [line.split("\t") for line in server.flask("keys", "list").stdout.splitlines()]
