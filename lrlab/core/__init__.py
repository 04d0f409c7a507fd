"""What one update is: models, losses, regularizers, optimizers, schedules. NumPy only."""
