"""lrlab: which learning rate, batch size, warmup and regularization, and how do they move together?"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.sweeper.report import artifact, log, report

if TYPE_CHECKING:
    from lrlab.api.scaling import scaling
    from lrlab.api.study import study, sweep
    from lrlab.api.training import train

__version__ = "0.1.0"
__all__ = ["InputError", "__version__", "artifact", "log", "report", "scaling", "study", "sweep", "train"]

# What a job that only reports need not wait for
LATE = {"scaling": "scaling", "study": "study", "sweep": "study", "train": "training"}


def __getattr__(name: str) -> Any:
    if name not in LATE:
        raise AttributeError(f"module 'lrlab' has no attribute {name!r}")
    return getattr(import_module(f"lrlab.api.{LATE[name]}"), name)
