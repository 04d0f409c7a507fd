"""lrlab from Python: train, sweep, and read studies, in a script or a notebook."""
