"""lrlab from Python: train, sweep, and read studies, in a script or a notebook."""

import warnings

with warnings.catch_warnings():
    # Optuna's progress bars, which lrlab does not show, warn of missing widgets where a notebook imports them first
    warnings.simplefilter("ignore")
    import tqdm.auto  # noqa: F401
