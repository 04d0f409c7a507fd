"""What one update is: models, losses, regularizers, optimizers, schedules. NumPy, and SciPy's BLAS in `blas`."""
