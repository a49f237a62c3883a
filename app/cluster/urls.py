"""The URL of Redis, as people write it."""

from urllib.parse import parse_qsl, urlsplit


def check_url(url: str) -> None:
    """Raises ValueError with what is wrong. Nothing of the URL is in it, for there may be a password in it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - is checked by being read
    except ValueError as error:
        raise ValueError("Not a URL that can be used, such as redis://127.0.0.1:6379/0.") from error
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError("Must begin with redis:// or, for TLS, rediss://.")
    if not parts.hostname:
        raise ValueError("Names no host; one on this machine is redis://127.0.0.1:6379/0.")
    if parts.path.strip("/") and not (parts.path[1:].isascii() and parts.path[1:].isdigit()):
        raise ValueError("Behind the host there may be the number of a database alone, as in redis://127.0.0.1:6379/0.")
    given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.fragment or given - {"ssl_ca_certs"} or (given and parts.scheme != "rediss"):
        raise ValueError("Of options it takes ssl_ca_certs alone, with rediss: a file with the certificates to trust.")
