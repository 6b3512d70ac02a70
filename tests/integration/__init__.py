"""Tests on real sockets and real processes."""
