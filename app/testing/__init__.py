"""The contract suites of wires and providers, and what they drive them with: a real server, sockets, a model server.

Nothing of the application imports this room. It needs what requirements-dev.txt names.
"""
