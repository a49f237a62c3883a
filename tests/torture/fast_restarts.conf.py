"""The server's own configuration of gunicorn, with the application imported before a worker is forked from the master.

A worker then starts in a tenth of a second. The application is made in the worker, as it always is: with gunicorn's
`preload`, the worker that follows on one that was killed does not serve (gunicorn 27.0, gevent 26.9).
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
