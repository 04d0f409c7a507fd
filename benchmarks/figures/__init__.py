"""What can be measured: each module's `measure` gives the measurements of one figure."""
