"""Databases' URLs as people write them."""

import pytest

from app.store.urls import database_url, place_of

WRITTEN = {
    "postgres://ada:pw@db.example/parlance": "postgresql+psycopg://ada:pw@db.example/parlance",
    "postgresql://ada@db.example:6432/parlance": "postgresql+psycopg://ada@db.example:6432/parlance",
    "postgresql+psycopg://ada@/parlance": "postgresql+psycopg://ada@/parlance",
    "postgresql:///parlance": "postgresql+psycopg:///parlance",
    "postgres://ada:p%40w%2F@h/p?sslmode=require": "postgresql+psycopg://ada:p%40w%2F@h/p?sslmode=require",
    "postgresql:///p?host=/run/postgresql&port=5433": "postgresql+psycopg:///p?host=%2Frun%2Fpostgresql&port=5433",
    "postgresql://[::1]:5432/p": "postgresql+psycopg://[::1]:5432/p",
    "sqlite:////var/lib/parlance/parlance.db": "sqlite:////var/lib/parlance/parlance.db",
}
MISTAKES = {
    "": "Not a database URL",
    "parlance": "Not a database URL",
    "postgres//host/db": "Not a database URL",
    "postgres://ada:hunter2@host:port/db": "Not a database URL",
    "postgres://ada:hunter2@host:5432": "PostgreSQL needs the name of a database",
    "postgres://ada:hunter2@host/": "PostgreSQL needs the name of a database",
    "postgresql+asyncpg://ada:hunter2@host/db": "SQLite and PostgreSQL can be used",
    "postgresql+psycopg2://ada:hunter2@host/db": "SQLite and PostgreSQL can be used",
    "mysql://ada:hunter2@host/db": "SQLite and PostgreSQL can be used",
    "postgres://ada:hunter2@host/db?sslmod=require": "PostgreSQL's client does not know what stands behind the questi",
    "postgres://ada:pass@w/hunter2@127.0.0.1/db": "an @ is written as %40, a / as %2F",
    "sqlite://": "SQLite needs a file",
    "sqlite:///:memory:": "SQLite needs a file",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_the_driver_is_chosen_whatever_postgresql_is_called(text) -> None:
    assert database_url(text) == WRITTEN[text]
    assert database_url(database_url(text)) == WRITTEN[text]


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_in_a_line_without_the_password(text) -> None:
    with pytest.raises(ValueError, match=MISTAKES[text]) as mistake:
        database_url(text)
    assert "hunter2" not in str(mistake.value)
    assert "\n" not in str(mistake.value)


def test_operators_know_a_database_by_its_place() -> None:
    assert place_of("postgresql+psycopg://ada:hunter2@h:6432/p?sslmode=require") == "postgresql://ada@h:6432/p"
    assert place_of("sqlite:////var/lib/p.db") == "/var/lib/p.db"
