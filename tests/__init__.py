"""The tests: one module for each module of the program."""

import os

from hypothesis import settings

settings.register_profile("raydel", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("raydel")
