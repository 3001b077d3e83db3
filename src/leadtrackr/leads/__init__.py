"""Leads: from the wire to a row, looked up, listed and shown."""
