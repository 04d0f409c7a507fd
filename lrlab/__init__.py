"""lrlab: which learning rate, batch size, warmup and regularization, and how do they move together?"""

__version__ = "0.1.0"
