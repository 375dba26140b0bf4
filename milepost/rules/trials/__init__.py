"""A rule book's tests, as the accountant writes them in YAML beside it: what is given, what is expected, and what came."""
