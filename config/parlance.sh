#!/bin/sh
# `make` links to this as .venv/bin/parlance: the command, with this folder's environment and code.
exec "${0%/*}/python" -c '
import os
import sys

sys.path[0] = os.path.dirname(sys.prefix)
from app.cli import main

main()' "$@"
