"""Raydel: a synchronization server for multi-camera sports recording."""

__version__ = "0.1.0"
