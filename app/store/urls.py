"""The database's URL, as people write it and as SQLAlchemy wants it."""

from pathlib import Path

from sqlalchemy import URL, make_url

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")  # as hosters, libpq and SQLAlchemy call it


def database_url(text: str) -> str:
    """The URL with the driver that is used, whatever name of PostgreSQL it begins with. Raises ValueError, whose words
    show no password, where it is none that can be used."""
    parsed = _parsed(text)
    if parsed.drivername in _SQLITE:
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file, for instance sqlite:////var/lib/parlance/parlance.db")
        return text
    if parsed.drivername not in _POSTGRESQL:
        raise ValueError(
            "SQLite and PostgreSQL can be used, for instance sqlite:////var/lib/parlance/parlance.db or "
            f"postgresql://parlance:PASSWORD@127.0.0.1/parlance, and not {parsed.drivername}."
        )
    if not parsed.database:
        raise ValueError("PostgreSQL needs the name of a database: postgresql://USER:PASSWORD@HOST/DATABASE")
    if {"@", "/"} & {*parsed.database}:
        raise ValueError("No name of a database stands last. In a password an @ is written as %40, a / as %2F.")
    if problem := _unknown_option(parsed):
        raise ValueError(problem)
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for other databases."""
    parsed = make_url(url)
    return Path(parsed.database).absolute() if parsed.get_backend_name() == "sqlite" and parsed.database else None


def place_of(url: str) -> str:
    """What operators know the database by: SQLite's file, or user, host and name, without a password."""
    file = sqlite_file(url)
    if file:
        return str(file)
    _, user, _, host, port, name, _ = make_url(url)
    return str(URL.create("postgresql", user, None, host, port, name))


def _parsed(text: str) -> URL:
    try:
        return make_url(text)
    except Exception as error:  # SQLAlchemy's own, or of the number that a port should be
        raise ValueError(
            "Not a database URL that can be used, such as postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from error


def _unknown_option(parsed: URL) -> str | None:
    """What libpq does not know of what stands behind the question mark."""
    from psycopg import ProgrammingError  # noqa: PLC0415 - see database.py
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    try:
        make_conninfo(**{name: str(value) for name, value in parsed.query.items()})
    except ProgrammingError as error:
        return f"PostgreSQL's client does not know what stands behind the question mark: {str(error).strip()}"
    return None
