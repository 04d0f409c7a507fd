"""What a process has imported when it begins to train: it would wait for all that only the end needs."""

import subprocess
import sys

import pytest

BEFORE = {
    "a command": "lrlab.cli.main",
    "a sweep": "lrlab.cli.hydra_app, lrlab.sweeper.sweeper, lrlab.sweeper.runners.population",
    "a sweep of another application": "hydra_plugins.lrlab_plugin, lrlab.sweeper.sweeper, lrlab.cli.own_application",
    "a training": "lrlab.cli.hydra_app, lrlab.runs.train",
}
LATE = ("lrlab.analysis", "lrlab.commands", "lrlab.plotting", "altair", "matplotlib", "mlflow", "pandas", "sklearn")
PRINT = f"""
import sys
print(*(name for name in sys.modules if name.startswith({LATE})))
"""


@pytest.mark.parametrize("modules", BEFORE.values(), ids=BEFORE)
def test_what_the_end_needs_is_imported_in_the_end(modules: str) -> None:
    program = f"import {modules}{PRINT}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
