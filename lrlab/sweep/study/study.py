"""A study: what its trials share, and finding it again in a storage."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from lrlab.errors import InputError
from lrlab.sweep.study.storage import Storage

TERMS, EXTRAS, SETTINGS = "lrlab.terms", "lrlab.extras", "lrlab.settings"  # attributes of a study


@dataclass(frozen=True)
class StudySpec:
    """What the trials of one study have in common; a study is continued under the same terms only.

    Attributes:
        directions: minimize or maximize, one per objective.
        space: the swept keys in Hydra's grammar, normalized.
        fixed: the overrides that hold for all trials.
    """

    directions: tuple[str, ...]
    space: Mapping[str, str]
    fixed: tuple[str, ...]

    def differences(self, stored: Mapping[str, Any]) -> list[str]:
        """What was agreed on otherwise, in words."""
        found = []
        if list(self.directions) != list(stored["directions"]):
            found.append(f"direction was {_joined(stored['directions'])}, is {_joined(self.directions)}")
        space = stored["space"]
        for key in dict.fromkeys((*space, *self.space)):
            then, now = space.get(key, "not swept"), self.space.get(key, "not swept")
            if then != now:
                found.append(f"{key} was {then}, is {now}")
        if sorted(self.fixed) != sorted(stored["fixed"]):
            found.append(f"overrides were {_joined(stored['fixed'])}, are {_joined(self.fixed)}")
        return found


def find(storage: Storage, name: str) -> optuna.Study | None:
    """The study of that name, if there is one; looking does not create the storage."""
    if not storage.exists:
        return None
    try:
        return optuna.load_study(study_name=name, storage=storage.open())
    except KeyError:
        return None


def load(storage: Storage, name: str) -> optuna.Study:
    """The study of that name.

    Raises:
        InputError: there is none.
    """
    study = find(storage, name)
    if study is None:
        known = _joined(names(storage)[-5:])
        raise InputError(f"study {name!r} is not in {storage}; the newest there: {known}")
    return study


def names(storage: Storage) -> list[str]:
    """The studies of a storage, the oldest first."""
    return optuna.get_all_study_names(storage.open()) if storage.exists else []


def newest(storage: Storage) -> str:
    """The study that was created last.

    Raises:
        InputError: there is none.
    """
    known = names(storage)
    if not known:
        raise InputError(f"there is no study in {storage} yet")
    return known[-1]


def check_spec(study: optuna.Study, terms: StudySpec) -> None:
    """Refuse to continue a study under other terms.

    Raises:
        InputError: names every difference.
    """
    stored = study.user_attrs.get(TERMS)
    directions = tuple(direction.name.lower() for direction in study.directions)
    if stored is None and directions == terms.directions and not study.get_trials(deepcopy=False):
        return  # its maker was killed at once
    if stored is None:
        raise InputError(f"study {study.study_name} was not made by this sweeper: choose another study_name")
    differences = terms.differences(stored)
    if differences:
        raise InputError(
            f"study {study.study_name} exists with another search: {'; '.join(differences)} "
            "(choose another hydra.sweeper.study_name)"
        )


def create(storage: Storage, name: str, terms: StudySpec) -> optuna.Study:
    """A study on record with its terms, which a maker that was killed may have begun."""
    directions: list[Any] = list(terms.directions)
    study = optuna.create_study(storage=storage.open(), study_name=name, directions=directions, load_if_exists=True)
    study.set_user_attr(TERMS, asdict(terms))
    return study


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts) or "none"
