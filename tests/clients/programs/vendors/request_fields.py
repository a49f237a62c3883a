"""Tells which fields the requests of a vendor's API have, and the objects within them, as its client declares them."""

import json
import sys
from importlib import import_module

fields = {}
for place in sys.argv[1:]:
    module, _, name = place.rpartition(".")
    fields[place] = sorted(getattr(import_module(module), name).__annotations__)
json.dump(fields, sys.stdout)
