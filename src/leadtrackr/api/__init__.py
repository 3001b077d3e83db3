"""The public JSON API: decode, call a room, encode."""
