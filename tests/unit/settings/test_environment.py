"""What the environment may say, and how each mistake in it is named."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("environ", "attribute", "value"),
    [
        ({"PORT": "9000"}, "port", 9000),
        ({"PORT": "  "}, "port", 8000),
        ({"PARLANCE_HOME": "/var/lib/parlance"}, "home", Path("/var/lib/parlance")),
        ({"PARLANCE_HOME": "/var/lib/parlance"}, "database_url", "sqlite:////var/lib/parlance/parlance.db"),
        ({"PARLANCE_HOME": "data"}, "home", Path.cwd() / "data"),
        ({"DATABASE_URL": "sqlite:////tmp/x.db"}, "database_url", "sqlite:////tmp/x.db"),
        ({"DATABASE_URL": " postgres://u:p@host/db "}, "database_url", "postgresql+psycopg://u:p@host/db"),
        ({"PARLANCE_TRUSTED_HOPS": "2"}, "trusted_hops", 2),
        ({"PARLANCE_SECRET_KEY": "x" * 32}, "secret_key", "x" * 32),
        ({"PARLANCE_SECRET_KEY": ""}, "secret_key", None),
        ({"PARLANCE_METRICS_TOKEN": "x" * 16}, "metrics_token", "x" * 16),
        ({"PARLANCE_METRICS_TOKEN": " "}, "metrics_token", None),
        ({}, "workers", 1),
        ({"WEB_CONCURRENCY": "1"}, "workers", 1),
        ({"WEB_CONCURRENCY": "3", "REDIS_URL": "redis://localhost"}, "workers", 3),
        ({"WEB_CONCURRENCY": "0", "REDIS_URL": "redis://localhost"}, "workers", len(os.sched_getaffinity(0))),
        ({"REDIS_URL": ""}, "redis_url", None),
        ({"REDIS_URL": "rediss://:x@redis.example:6380/1"}, "redis_url", "rediss://:x@redis.example:6380/1"),
        (
            {"PARLANCE_HOSTS": "Chat.example.com, 10.0.0.1\n[::1]"},
            "hosts",
            {"chat.example.com", "10.0.0.1", "[::1]"},
        ),
        (
            {"PARLANCE_ALLOWED_ORIGINS": "https://A.example/, http://localhost:3000\nhttps://b.example"},
            "allowed_origins",
            {"https://a.example", "http://localhost:3000", "https://b.example"},
        ),
    ],
)
def test_each_environment_variable_is_heard(load, environ, attribute, value) -> None:
    assert getattr(load(**environ), attribute) == value


MISTAKES_IN_THE_ENVIRONMENT: list[tuple[Mapping[str, str], str]] = [
    ({"PORT": "http"}, "PORT: Not a valid integer."),
    ({"PORT": "70000"}, "PORT: "),
    ({"PARLANCE_TRUSTED_HOPS": "-1"}, "PARLANCE_TRUSTED_HOPS: "),
    ({"PARLANCE_SECRET_KEY": "short"}, "PARLANCE_SECRET_KEY: Must be 32 to 500 visible ASCII characters."),
    ({"PARLANCE_SECRET_KEY": "x" * 32 + "\udcff"}, "PARLANCE_SECRET_KEY: Must be 32 to 500 visible ASCII characters."),
    ({"PARLANCE_METRICS_TOKEN": "x" * 15}, "PARLANCE_METRICS_TOKEN: Must be 16 to 500 visible ASCII characters."),
    ({"PARLANCE_METRICS_TOKEN": "hunter2 " * 4}, "PARLANCE_METRICS_TOKEN: Must be 16 to 500 visible ASCII characters."),
    ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY: More than one worker needs REDIS_URL"),
    ({"WEB_CONCURRENCY": "2", "REDIS_URL": " "}, "WEB_CONCURRENCY: More than one worker needs REDIS_URL"),
    ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY: More than one worker needs REDIS_URL"),
    ({"WEB_CONCURRENCY": "-1"}, "WEB_CONCURRENCY: "),
    ({"WEB_CONCURRENCY": "65", "REDIS_URL": "redis://localhost"}, "WEB_CONCURRENCY: "),
    ({"WEB_CONCURRENCY": "auto"}, "WEB_CONCURRENCY: Not a whole number. 0 is one worker for each core."),
    ({"REDIS_URL": "localhost:6379"}, "REDIS_URL: Must begin with redis://"),
    ({"REDIS_URL": "redis://user:hunter2@host:port"}, "REDIS_URL: Not a URL that can be used"),
    ({"DATABASE_URL": "not a url"}, "DATABASE_URL: Not a database URL"),
    ({"DATABASE_URL": "mysql://user:hunter2@host/db"}, "DATABASE_URL: SQLite and PostgreSQL can be used"),
    ({"DATABASE_URL": "sqlite+aiosqlite:////tmp/x.db"}, "DATABASE_URL: SQLite and PostgreSQL can be used"),
    ({"DATABASE_URL": "postgres://user:hunter2@host"}, "DATABASE_URL: PostgreSQL needs the name of a database"),
    ({"DATABASE_URL": "postgresql://user:hunter2@host:port/db"}, "DATABASE_URL: Not a database URL"),
    ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL: SQLite needs a file"),
    ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL: SQLite needs a file"),
    ({"PARLANCE_HOSTS": "a.example https://b.example"}, "PARLANCE_HOSTS: 'https://b.example' is not a host"),
    ({"PARLANCE_HOSTS": "a.example:443"}, "PARLANCE_HOSTS: 'a.example:443' is not a host"),
    ({"PARLANCE_HOSTS": "*"}, "PARLANCE_HOSTS: '*' is not a host"),
    ({"PARLANCE_ALLOWED_ORIGINS": "*"}, "PARLANCE_ALLOWED_ORIGINS: '*' is not an origin"),
    ({"PARLANCE_ALLOWED_ORIGINS": "https://a.example/path"}, "PARLANCE_ALLOWED_ORIGINS: "),
    ({"PARLANCE_CONFIG": "/nowhere/other.toml"}, "PARLANCE_CONFIG: /nowhere/other.toml cannot be read: No such file"),
    ({"PARLANCE_CONFIG": "/"}, "PARLANCE_CONFIG: / cannot be read: Is a directory"),
]


@pytest.mark.parametrize(("environ", "mistake"), MISTAKES_IN_THE_ENVIRONMENT, ids=str)
def test_a_mistake_in_the_environment_is_named_by_its_variable(problems, environ, mistake) -> None:
    (found,) = problems(**environ)
    assert found.startswith(mistake)
    assert "hunter2" not in found
