"""What the keys and metrics of somebody's own application mean: learning rate, batch size, seed, loss, and so on."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from omegaconf import DictConfig, OmegaConf

from lrlab.errors import InputError
from lrlab.runs.job_record import OBJECTIVE, REPORTED
from lrlab.scaling.roles import ROLES, Role, usual_name
from lrlab.sweep.study.state import read_state

if TYPE_CHECKING:
    import optuna

KEY: Final = "hydra.sweeper.roles"
TRAINING_LOSSES: Final = ("loss", "error")  # last words of names: the objective goes before them


def given(config: DictConfig) -> dict[Role, str]:
    """Return the roles that the user has named."""
    named = {role: OmegaConf.select(config, f"{KEY}.{role}") for role in ROLES}
    return {role: str(name) for role, name in named.items() if name is not None}


def of_keys(keys: Sequence[str], typed: Collection[str], named: Mapping[Role, str]) -> dict[str, str]:
    """Return which key plays each role, and the loss if it was named; roles in doubt are left out.

    Args:
        keys: of the configuration.
        typed: those that are swept or were set on the command line: they go before others.
        named: what the user has said.

    Raises:
        InputError: a named key does not exist, or is to play two roles.
    """
    for role, key in named.items():
        if role != "loss" and key not in keys:
            raise InputError(f"{KEY}.{role} must be a key of the configuration, one of {', '.join(keys)}, got {key!r}")
        also = [other for other in named if other != role and named[other] == key]
        if also:
            raise InputError(f"{KEY}.{role} must be another key than {KEY}.{also[0]}, got {key!r}")
    roles: dict[str, str] = dict(named)
    for role in ROLES[:-1]:
        if role not in roles and (found := _found(role, keys, typed, named)):
            roles[role] = found
    return roles


def loss_of(study: "optuna.Study", metrics: Collection[str]) -> str:
    """Return the metric that is the loss of a study.

    Args:
        metrics: the names of what its trials have recorded.

    Raises:
        InputError: none is, or two could be.
    """
    state = read_state(study)
    named = state.roles.get("loss") if state else None
    choices = ", ".join(sorted(metrics))
    if named and named not in metrics:
        raise InputError(f"{KEY}.loss must be a metric that the trials recorded, one of {choices}, got {named!r}")
    if named:
        return named
    names = [name for name in metrics if name not in (OBJECTIVE, REPORTED)]
    if study.direction.name == "MINIMIZE" and OBJECTIVE in metrics:
        names = [name for name in names if name.replace("/", ".").rpartition(".")[2].lower() not in TRAINING_LOSSES]
        names.append(OBJECTIVE)
    try:
        found = usual_name("loss", names)
    except InputError as doubt:
        raise InputError(f"{doubt} {KEY}.loss=NAME tells") from None
    if found is None:
        raise InputError(f"no metric is known to be the loss: {KEY}.loss=NAME tells, one of {choices}")
    return found


def described(keys: Sequence[str], typed: Collection[str], roles: Mapping[str, str], loss: str) -> list[str]:
    """Return what is known of the roles, and what is not, as lines.

    Args:
        keys, typed: as of `of_keys`.
        roles: what it returned.
        loss: the metric, or what is wrong with it, as a sentence.
    """
    words = {role: role.replace("_", " ") for role in ROLES} | {"lr": "learning rate"}
    known = [f"{words[role]} {roles[role]}" for role in ROLES[:-1] if role in roles]
    lines = [f"roles: {', '.join([*known, loss])}"]
    missing = []
    for role in ROLES[:-1]:
        if role not in roles:
            try:
                usual_name(role, [key for key in typed if key in keys]) or usual_name(role, keys)
                missing.append(words[role])
            except InputError as doubt:
                lines.append(f"{doubt} {KEY}.{role}=KEY tells")
    if missing:
        lines.append(f"no key is known to be {' or '.join(missing)}: {KEY}.ROLE=KEY tells")
    return lines


def _found(role: Role, keys: Sequence[str], typed: Collection[str], named: Mapping[Role, str]) -> str | None:
    free = [key for key in keys if key not in named.values()]
    for names in ([key for key in free if key in typed], free):
        try:
            if found := usual_name(role, names):
                return found
        except InputError:
            return None
    return None
