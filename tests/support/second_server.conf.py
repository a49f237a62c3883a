"""The server's own configuration of gunicorn, for a second server of a database whose first one runs: the lock that
keeps it from starting does not count."""

import runpy
from pathlib import Path

_CONFIG = Path(__file__).parents[2] / "config" / "gunicorn.conf.py"
globals().update({name: value for name, value in runpy.run_path(str(_CONFIG)).items() if not name.startswith("_")})
on_starting.__globals__["own_database"] = lambda *_, **__: None  # type: ignore[name-defined]  # noqa: F821
