"""A study: what its trials share, and how it is found in a storage."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import optuna

from lrlab.config.secrets import is_secret
from lrlab.errors import InputError
from lrlab.sweeper.study.storage import Storage

SPEC = "lrlab.terms"  # attribute of a study, under the name of the first version


@dataclass(frozen=True)
class StudySpec:
    """What the trials of one study have in common; a study is resumed with an equal one only.

    Attributes:
        directions: minimize or maximize, one per objective.
        space: the swept keys in Hydra's grammar, normalized.
        fixed: the overrides that hold for all trials.
        terms: what the configuration says beside the swept keys. Studies of earlier versions have none: there the
            overrides are compared instead, which do not tell what a file said.
        conditions: where the keys apply that do not apply everywhere.
    """

    directions: tuple[str, ...]
    space: Mapping[str, str]
    fixed: tuple[str, ...]
    terms: Mapping[str, str] | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """Return how a stored specification differs from this one, in words."""
        differences = []
        if list(self.directions) != list(stored["directions"]):
            differences.append(f"direction was {_joined(stored['directions'])}, is {_joined(self.directions)}")
        differences += _changes(stored["space"], self.space, "not swept")
        then, now = stored.get("conditions", {}), self.conditions
        differences += [
            f"{key} applied {_where(then, key)}, applies {_where(now, key)}"
            for key in dict.fromkeys((*then, *now))
            if then.get(key) != now.get(key) and (key in self.space) == (key in stored["space"])
        ]
        terms = stored.get("terms")
        if terms is not None and self.terms is not None:
            shown = {key: value for key, value in terms.items() if not is_secret(key, value)}
            differences += _changes(shown, self.terms, "not set")
        elif sorted(self.fixed) != sorted(stored["fixed"]):
            differences.append(f"overrides were {_joined(stored['fixed'])}, are {_joined(self.fixed)}")
        return differences


def find(storage: Storage, name: str) -> optuna.Study | None:
    """Return the study of that name, or None; do not create the storage."""
    if not storage.exists:
        return None
    try:
        return optuna.load_study(study_name=name, storage=storage.open())
    except KeyError:
        return None


def load(storage: Storage, name: str) -> optuna.Study:
    """Return the study of that name.

    Raises:
        InputError: there is none.
    """
    study = find(storage, name)
    if study is None:
        known = _joined(names(storage)[-5:])
        raise InputError(f"study {name!r} is not in {storage}; the newest there: {known}")
    return study


def names(storage: Storage) -> list[str]:
    """Return the names of the studies of a storage, the oldest first."""
    return optuna.get_all_study_names(storage.open()) if storage.exists else []


def newest(storage: Storage) -> str:
    """Return the name of the study that was created last.

    Raises:
        InputError: there is none.
    """
    known = names(storage)
    if not known:
        raise InputError(f"there is no study in {storage} yet")
    return known[-1]


def check_spec(study: optuna.Study, spec: StudySpec) -> None:
    """Refuse to resume a study with another specification.

    Raises:
        InputError: names every difference.
    """
    stored = study.user_attrs.get(SPEC)
    directions = tuple(direction.name.lower() for direction in study.directions)
    if stored is None and directions == spec.directions and not study.get_trials(deepcopy=False):
        return  # its creator was killed at once
    if stored is None:
        raise InputError(f"study {study.study_name} was not made by this sweeper: choose another study_name")
    differences = spec.differences(stored)
    if differences:
        raise InputError(
            f"study {study.study_name} exists with another search: {'; '.join(differences)} "
            "(choose another hydra.sweeper.study_name)"
        )


def create(storage: Storage, name: str, spec: StudySpec) -> optuna.Study:
    """Create a study and store its specification; complete one whose creator was killed."""
    directions: list[Any] = list(spec.directions)
    study = optuna.create_study(storage=storage.open(), study_name=name, directions=directions, load_if_exists=True)
    study.set_user_attr(SPEC, asdict(spec))
    return study


def has_pruner(study: optuna.Study) -> bool:
    """Return whether anything reads what the trials of a study report."""
    return len(study.directions) == 1 and not isinstance(study.pruner, optuna.pruners.NopPruner)


def _changes(then: Mapping[str, str], now: Mapping[str, str], absent: str) -> list[str]:
    return [
        f"{key} was {then.get(key, absent)}, is {now.get(key, absent)}"
        for key in dict.fromkeys((*then, *now))
        if then.get(key) != now.get(key)
    ]


def _where(conditions: Mapping[str, str], key: str) -> str:
    return f"where {conditions[key]}" if key in conditions else "everywhere"


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts) or "none"
