"""Played phones and networks: one test module for each of the modules."""
