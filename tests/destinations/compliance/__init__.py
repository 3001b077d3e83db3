"""Destinations and the sandbox's platforms face to face, in one process: what the one forms, the other judges."""
