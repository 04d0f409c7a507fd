"""What a trial in a database is given while its values are chosen."""

from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import FrozenTrial
from sqlalchemy import Connection

from lrlab.sweeper.study import tables


@dataclass(frozen=True)
class Choice:
    """A value of a key, as its distribution stores it, or, without a distribution, a system attribute."""

    name: str
    value: Any
    distribution: BaseDistribution | None = None

    def insert(self, connection: Connection, trial: int) -> None:
        """Write it."""
        if self.distribution is None:
            tables.set_attribute(connection, tables.SYSTEM_ATTRS, trial, self.name, self.value)
            return
        row = {"trial_id": trial, "param_name": self.name, "param_value": self.value}
        row["distribution_json"] = distribution_to_json(self.distribution)
        tables.upsert(connection, tables.PARAMS, ("trial_id", "param_name"), row)

    def give(self, trial: FrozenTrial) -> None:
        """Add it to a trial."""
        if self.distribution is None:
            trial.system_attrs[self.name] = self.value
        else:
            trial.params[self.name] = self.distribution.to_external_repr(self.value)
            trial.distributions[self.name] = self.distribution
