"""Tests; the sample bodies that they share are in `tests.bodies`."""
