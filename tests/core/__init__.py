"""The core: one test module for each of its modules."""
