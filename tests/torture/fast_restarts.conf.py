"""The server's own configuration of gunicorn, with the application imported before a worker is forked from the master.

A worker then starts in a tenth of a second. Unlike with gunicorn's `preload`, which does not replace a second worker that
is killed under gevent, the application is made in the worker, as it always is.
"""

import pkgutil
import runpy
from importlib import import_module
from pathlib import Path

_CONFIG = Path(__file__).parents[2] / "config" / "gunicorn.conf.py"
globals().update({name: value for name, value in runpy.run_path(str(_CONFIG)).items() if not name.startswith("_")})

from app import wires  # noqa: E402

import_module("app.main")
for _wire in pkgutil.iter_modules(wires.__path__):
    import_module(f"app.wires.{_wire.name}")
