"""Studies of Optuna: journal files, SQLite and other databases, read without writing to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from lrlab.errors import InputError
from lrlab.sweeper.study.queue import REUSES
from lrlab.sweeper.study.storage import Storage, parse
from lrlab.tables.columns import Source, from_rows

if TYPE_CHECKING:
    import optuna

VALUE: Final = "value"


def read_study(name: str, storage_url: str) -> Source:
    """Return the trials of a study that were run and are complete: columns `params.*`, `user_attrs.*` and `value`.

    Settings are told by the parameters. The objective function wrote the user_attrs, results more often than not.
    A study of several objectives has the columns `values.0`, `values.1` and so on, none of which is chosen.

    Raises:
        InputError: the storage cannot be read, has no such study, or none of its trials is complete.
    """
    study = _load(name, parse(storage_url, Path.cwd()))
    trials = study.get_trials(deepcopy=False)
    told = [trial for trial in trials if trial.state.name == "COMPLETE"]
    complete = [trial for trial in told if REUSES not in trial.user_attrs]
    if not complete:
        raise InputError(f"study {name!r} must have trials that are complete, got none of {len(trials)}")
    single = len(study.directions) == 1
    rows = [_row(trial, single) for trial in complete]
    missing, reused = len(trials) - len(told), len(told) - len(complete)
    left_out = [f"{missing} of {len(trials)} trials are not complete"] if missing else []
    left_out += [f"{reused} of {len(trials)} trials reuse the objective of another one"] if reused else []
    columns = from_rows(rows, f"study {name!r}")
    return Source(
        name=name,
        columns=columns,
        keys=frozenset(key for key in columns if key.startswith("params.")),
        loss=VALUE if single else None,
        maximize=study.direction.name == "MAXIMIZE" if single else None,
        left_out=tuple(left_out),
    )


def _row(trial: "optuna.trial.FrozenTrial", single: bool) -> dict[str, Any]:
    values: dict[str, Any] = {VALUE: trial.values[0]} if single else {"values": dict(enumerate(trial.values))}
    return {"params": trial.params, "user_attrs": trial.user_attrs, **values}


def _load(name: str, storage: Storage) -> "optuna.Study":
    import optuna

    if not storage.exists:
        raise InputError(f"--from optuna: there is no file {str(storage.file)!r}")
    try:
        opened = _open(storage)
        known = optuna.get_all_study_names(opened)
    except Exception as error:  # noqa: BLE001  whatever a database driver raises, which may show the URL
        raise InputError(
            f"--from optuna: {storage} cannot be read: {type(error.__cause__ or error).__name__}"
        ) from None
    if name not in known:
        newest = ", ".join(map(repr, known[-5:])) or "none"
        raise InputError(f"study {name!r} is not in {storage}; the newest there: {newest}")
    return optuna.load_study(study_name=name, storage=opened)


def _open(storage: Storage) -> Any:
    """Return a storage that does not create, repair or migrate anything."""
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.pool import NullPool

    file = storage.file
    if storage.url.startswith("journal:"):
        return JournalStorage(JournalFileBackend(str(file)))
    url = f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true" if file else storage.url
    return RDBStorage(url, engine_kwargs={"poolclass": NullPool}, skip_table_creation=True)  # leaves nothing open
