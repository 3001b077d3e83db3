"""`leadtrackr demo`: leads, ratings and deliveries from end to end, on a database of its own."""
