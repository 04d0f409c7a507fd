"""``python -m lrlab``: the Hydra application itself, as ``lrlab train``."""

import sys

from lrlab.cli.main import main
from lrlab.runtime import entrypoint

if __name__ == "__main__":
    entrypoint.run_program(lambda: main(["train", *sys.argv[1:]]))
