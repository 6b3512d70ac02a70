"""A take in the forms that other programs read."""
