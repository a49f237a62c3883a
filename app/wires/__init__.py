"""The wires, one folder each; every folder here is served."""
