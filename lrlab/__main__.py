"""``python -m lrlab``: the Hydra application itself."""

import sys

from lrlab.app import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
