"""Connecting a project's account at a platform: asking it who it is, what it has and whether the credentials work."""
