"""lrlab: which learning rate, batch size, warmup and regularization, and how do they move together?"""

from lrlab.sweeper.report import artifact, log, report

__version__ = "0.1.0"
__all__ = ["__version__", "artifact", "log", "report"]
