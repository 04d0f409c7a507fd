"""``python -m lrlab``: the Hydra application itself."""

import sys

from lrlab.cli.app import run
from lrlab.runtime import entrypoint

if __name__ == "__main__":
    entrypoint.run_program(lambda: run(sys.argv[1:]))
