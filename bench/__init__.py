"""Benchmarks: the program against the barest program that does the same, in one run. Run with `python -m bench`."""
