"""Roles: which key of somebody's training is the learning rate, the batch size, the seed, the loss.

    guess(["optimizer.lr", "data.bs", "seed", "val/loss"])
    {"lr": "optimizer.lr", "batch_size": "data.bs", "seed": "seed", "loss": "val/loss"}

A name is compared by its last words: `config.optimizer.lr`, `optimizer/lr` and Optuna's `params_lr` end in `lr`. A
unit in parentheses, as in `batch size (samples)`, is no part of it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

from lrlab.errors import InputError

Role = Literal["lr", "batch_size", "weight_decay", "warmup", "seed", "loss"]
ROLES: tuple[Role, ...] = get_args(Role)

# The usual names of each role. A name in an earlier group goes before one in a later group; two in one group are a
# doubt.
USUAL_NAMES: Mapping[Role, tuple[tuple[str, ...], ...]] = {
    "lr": (
        ("lr", "learning_rate", "learningrate", "learning_rate_init"),
        ("base_lr", "init_lr", "initial_lr", "max_lr", "peak_lr", "lr0", "eta0", "step_size"),
    ),
    "batch_size": (
        ("batch_size", "batchsize", "bs"),
        ("global_batch_size", "train_batch_size", "per_device_train_batch_size", "per_device_batch_size", "batch"),
    ),
    "weight_decay": (("weight_decay", "weightdecay", "wd"), ("l2", "lambda", "alpha", "strength")),
    "warmup": (("warmup",), ("warmup_steps", "warmup_epochs", "warmup_ratio", "num_warmup_steps", "warmup_length")),
    "seed": (("seed",), ("random_seed", "random_state", "rng_seed")),
    "loss": (
        ("val_loss", "validation_loss", "valid_loss", "eval_loss", "dev_loss", "loss_val"),
        ("test_loss",),
        ("loss", "objective", "error"),
    ),
}

# Metrics of which larger is better, by their last word
MAXIMIZED: Collection[str] = frozenset(
    ("accuracy", "acc", "top1", "top5", "auc", "auroc", "roc_auc", "f1", "score", "r2", "bleu", "rouge", "miou", "map")
)
ACCURACIES: tuple[tuple[str, ...], ...] = (
    ("val_accuracy", "val_acc", "validation_accuracy", "valid_accuracy", "valid_acc", "eval_accuracy", "dev_accuracy"),
    ("test_accuracy", "test_acc"),
    ("accuracy", "acc"),
)


def guess(
    names: Iterable[str], given: Mapping[Role, str] | None = None, roles: Collection[Role] = ROLES
) -> dict[Role, str]:
    """Return the name that plays each role; a role that no name plays is left out.

    Args:
        names: keys of a configuration, or columns of a table.
        given: what is known already and not guessed.
        roles: those that are asked for.

    Raises:
        InputError: a given name does not exist, one name is to play two roles, or two names could play a role.
    """
    names, given = list(names), dict(given or {})
    for role, name in given.items():
        if name not in names:
            raise InputError(f"{role}: there is no {name!r}, only {', '.join(map(repr, names)) or 'nothing'}")
    doubled = [name for name in given.values() if list(given.values()).count(name) > 1]
    if doubled:
        raise InputError(
            f"{doubled[0]!r} cannot be {' and '.join(role for role in given if given[role] == doubled[0])}"
        )
    free = [name for name in names if name not in given.values()]
    found = {role: given.get(role) or usual_name(role, free) for role in ROLES if role in roles}
    return {role: name for role, name in found.items() if name}


def guess_accuracy(names: Iterable[str]) -> str | None:
    """Return the name of an accuracy, where there is no loss; None if there is neither.

    Raises:
        InputError: two names could be it.
    """
    return _usual("loss", ACCURACIES, list(names))


def is_maximized(name: str) -> bool:
    """Return whether larger is better, by the usual meaning of a metric's name."""
    words = re.split(r"[\W_]+", name.strip().lower())
    return words[-1] in MAXIMIZED or "_".join(words[-2:]) in MAXIMIZED


def usual_name(role: Role, names: Iterable[str], preferred: str | None = None) -> str | None:
    """Return the name that plays one role; None for none.

    Args:
        preferred: goes before others of its group.

    Raises:
        InputError: two names could.
    """
    return _usual(role, USUAL_NAMES[role], list(names), preferred)


def _usual(
    role: Role, groups: tuple[tuple[str, ...], ...], names: list[str], preferred: str | None = None
) -> str | None:
    for group in groups:
        candidates = [name for name in names if not set(group).isdisjoint(_endings(name))]
        if preferred in candidates:
            return preferred
        if len(candidates) > 1:
            raise InputError(f"{role}: which of {', '.join(map(repr, candidates))}?")
        if candidates:
            return candidates[0]
    return None


def _endings(name: str) -> list[str]:
    """Return `optimizer_lr` and `lr` for `Optimizer.lr`: the ends of a name in lower case, joined by underscores."""
    plain = re.sub(r"\s*(\([^()]*\)|\[[^\[\]]*\])$", "", name.strip().lower())
    plain = re.sub(r"^(params|user_attrs|config|hparams)_", r"\1.", plain)
    words = [re.sub(r"\W+", "_", word) for word in re.split(r"[./:]", plain)]
    return ["_".join(words[start:]) for start in range(len(words))]
