"""The one error of the doors: what the user gave cannot be used."""


class InputError(ValueError):
    """One line that names the key, the value and what is allowed. The command line prints it and exits with 2."""
