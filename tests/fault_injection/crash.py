"""Run lrlab and die at a named point: crash.py "before|after MODULE:FUNCTION N" ARGUMENTS of lrlab."""

import importlib
import os
import signal
import sys

when, where, count = sys.argv[1].split()
left = int(count)


def dying(function):
    def called(*args, **options):
        global left
        left -= 1
        if when == "before" and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **options)
        if when == "after" and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


module, _, path = where.partition(":")
owner = importlib.import_module(module)
*classes, name = path.split(".")
for each in classes:
    owner = getattr(owner, each)
setattr(owner, name, dying(getattr(owner, name)))

from lrlab.cli.main import main  # noqa: E402

sys.exit(main(sys.argv[2:]))
