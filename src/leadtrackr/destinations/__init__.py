"""The ad platforms: each one file of data and pure functions. No database and no HTTP client in here."""
