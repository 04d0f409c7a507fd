"""What can be measured: each module's `measure` gives the rows of one figure."""
