"""Operators' own tools: functions in Python, run in processes beside the worker."""
