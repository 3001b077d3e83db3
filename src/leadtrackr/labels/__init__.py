"""Conversion labels: what a rating is called, what it means for the lead, and which event it is on each platform."""
