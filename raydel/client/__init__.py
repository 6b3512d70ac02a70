"""A client of protocol 2."""
