"""``python -m lrlab``: the Hydra application itself."""

import sys

from lrlab import process
from lrlab.app import run

if __name__ == "__main__":
    process.program(lambda: run(sys.argv[1:]))
