"""The ad platforms: each package is one, data and pure functions. No database and no HTTP client in here."""
