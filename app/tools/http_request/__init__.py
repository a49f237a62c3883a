"""Requests to the hosts that the configuration lists."""
