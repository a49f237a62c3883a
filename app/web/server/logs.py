"""Log lines as JSON objects on standard output."""

import logging
from typing import Any

from gunicorn.glogging import Logger


class ServerLogger(Logger):
    """gunicorn's own, which collects what an access log may say only where somebody wants one: the application writes
    a line for each request itself."""

    @property
    def access_log_enabled(self) -> bool:
        return bool(self.cfg.accesslog)


class CallerStalled(logging.Filter):
    """A caller who stopped reading is no error of ours: gunicorn's traceback becomes one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], TimeoutError):
            record.msg, record.args, record.exc_info = "caller stopped reading", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def logging_config() -> dict[str, Any]:
    """For `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"caller_stalled": {"()": CallerStalled}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.orjson.OrjsonFormatter",
                "fmt": "{levelname}{name}{message}",
                "style": "{",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "json",
                "filters": ["caller_stalled"],
            }
        },
        "root": {"level": "INFO", "handlers": ["stdout"]},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
            "flask-limiter": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},
        },
    }
