"""What destinations build and read, against the platforms' written rules."""
