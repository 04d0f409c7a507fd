"""How a command runs: what it writes is for its user alone, and it can be stopped."""

import os
import signal
import sys
import threading
from collections.abc import Callable

PRIVATE = 0o077  # permissions nobody else gets


def run(command: Callable[[], int]) -> int:
    """Run a command; returns its exit code, 130 if Ctrl-C stopped it. SIGTERM raises SystemExit(143)."""
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)) if in_main else None
    mask = os.umask(PRIVATE)
    os.umask(mask | PRIVATE)
    try:
        return command()
    except KeyboardInterrupt:
        print("lrlab: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    finally:
        os.umask(mask)
        if in_main:
            signal.signal(signal.SIGTERM, handler)
