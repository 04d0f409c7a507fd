"""The parts of one update: models, losses, regularizers, optimizers, schedules. NumPy, and SciPy's BLAS in `blas`."""
