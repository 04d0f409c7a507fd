"""The lecture, measured: every claim of it as something that runs, with what came out."""
