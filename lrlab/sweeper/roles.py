"""What the keys and metrics of somebody's own application mean: learning rate, batch size, seed, loss, and so on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from omegaconf import DictConfig, OmegaConf

from lrlab.errors import InputError
from lrlab.runs.job_record import OBJECTIVE, REPORTED
from lrlab.scaling_law.roles import ROLES, Role, usual_name
from lrlab.sweeper.study.state import read_state

if TYPE_CHECKING:
    import optuna

KEY: Final = "hydra.sweeper.roles"
KEY_ROLES: Final = ROLES[:-1]  # played by keys of the configuration; the loss is a metric
WORDS: Final = {role: role.replace("_", " ") for role in ROLES} | {"lr": "learning rate"}


@dataclass(frozen=True)
class RolesOfSweep:
    """The roles of the keys of one sweep.

    Attributes:
        keys: of the configuration.
        typed: those that are swept or were set on the command line: they go before others.
        named: what the user has said.
        known: which key plays each role, and the loss if it was named; roles in doubt are left out.
    """

    keys: tuple[str, ...]
    typed: tuple[str, ...]
    named: Mapping[Role, str]
    known: Mapping[str, str]

    @classmethod
    def of(cls, keys: Sequence[str], typed: Sequence[str], named: Mapping[Role, str]) -> Self:
        """Find out the roles.

        Raises:
            InputError: a named key does not exist, or is to play two roles.
        """
        for role, key in named.items():
            if role != "loss" and key not in keys:
                raise InputError(
                    f"{KEY}.{role} must be a key of the configuration, one of {', '.join(keys)}, got {key!r}"
                )
            also = [other for other in named if other != role and named[other] == key]
            if also:
                raise InputError(f"{KEY}.{role} must be another key than {KEY}.{also[0]}, got {key!r}")
        found = cls(tuple(keys), tuple(typed), named, {})
        known: dict[str, str] = {role: key for role in KEY_ROLES if (key := named.get(role) or found.guess(role)[0])}
        return replace(found, known=known | ({"loss": named["loss"]} if "loss" in named else {}))

    def guess(self, role: Role) -> tuple[str, str]:
        """Return the key that plays a role by its name, and what there is to doubt; "" for none."""
        free = [key for key in self.keys if key not in self.named.values()]
        for names in ([key for key in free if key in self.typed], free):
            try:
                if found := usual_name(role, names):
                    return found, ""
            except InputError as doubt:
                return "", f"{doubt} {KEY}.{role}=KEY tells"
        return "", ""

    def lines(self, study: "optuna.Study", metrics: Collection[str]) -> list[str]:
        """Return what is known of the roles, and what is not, in words.

        Args:
            study: of the sweep.
            metrics: the names of what its trials have recorded; none if nothing is recorded.
        """
        doubts: list[str] = []
        said = [f"{role}={self.known[role]}" for role in KEY_ROLES if role in self.known]
        if metrics:
            try:
                said.append(f"loss={loss_of(study, metrics)}")
            except InputError as doubt:
                doubts.append(str(doubt))
        guesses = {role: self.guess(role)[1] for role in KEY_ROLES if role not in self.known}
        doubts += filter(None, guesses.values())
        missing = [WORDS[role] for role, doubt in guesses.items() if not doubt]
        lines = [f"roles: {', '.join(said)}" if said else "", *doubts]
        if missing:
            lines.append(f"no key is known to be the {', '.join(missing)}: {KEY}.ROLE=KEY names it")
        return list(filter(None, lines))


def given(config: DictConfig) -> dict[Role, str]:
    """Return the roles that the user has named."""
    named = {role: OmegaConf.select(config, f"{KEY}.{role}") for role in ROLES}
    return {role: str(name) for role, name in named.items() if name is not None}


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
        names.append(OBJECTIVE)
    try:
        found = usual_name("loss", names, preferred=OBJECTIVE)  # before "loss", that of training maybe
    except InputError as doubt:
        raise InputError(f"{doubt} {KEY}.loss=NAME tells") from None
    if found is None:
        raise InputError(f"no metric is known to be the loss: {KEY}.loss=NAME tells, one of {choices}")
    return found
