"""Small parts that know nothing of the business: clock, ids, money, normalising, secrets, HTTP client, errors."""
