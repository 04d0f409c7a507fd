"""What the command line says in one line: what the user gave cannot be used, or too many trials failed."""

import errno

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


class InputError(ValueError):
    """One line that names the key, the value and what is allowed. The command line prints it and exits with 2."""

    exit_code = 2


class NotDoneError(InputError):
    """What was asked for is done in part. The command line exits with 1, as Hydra does."""

    exit_code = 1


class TrialsFailedError(NotDoneError):
    """A sweep stopped because too many of its trials failed."""


class RecordsLeftError(NotDoneError):
    """All is done, but a tracking server has not taken all that is on record of it."""


def cannot_write(what: str, error: OSError) -> InputError:
    """Return the error of what cannot be written: why, and what to do.

    Args:
        what: the file or folder, with its path.
        error: of the system.
    """
    remedy = "check that its disk works and has space"
    if error.errno in NO_SPACE:
        remedy = "free some space there"
    elif error.errno in NOT_WRITABLE:
        remedy = "make it writable"
    kept = "what was recorded before is kept"
    return InputError(f"{what} cannot be written: {error.strerror}; {remedy}, then run the command again; {kept}")
