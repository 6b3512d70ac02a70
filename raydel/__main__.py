"""``python -m raydel``."""

import sys

from raydel.cli import main

if __name__ == "__main__":
    main(sys.argv[1:])
