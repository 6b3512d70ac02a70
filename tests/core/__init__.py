"""The core: one test module for each of its modules."""

import os

from hypothesis import settings

settings.register_profile("raydel", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("raydel")
