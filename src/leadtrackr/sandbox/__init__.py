"""The ad platforms, played by their documented rules: a program of its own that shares no code with the destinations.

`leadtrackr.sandbox.server` starts it. One file (or folder) per platform; `registry.py` lists them.
"""
