"""The ad platforms, played by their documented rules: a program of its own that shares no code with the destinations.

`leadtrackr.sandbox.server` starts it. Each package in here is a platform; `registry.py` finds them.
"""
