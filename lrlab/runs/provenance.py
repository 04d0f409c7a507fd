"""Provenance: what must be known of a run, beyond its configuration, to run it again to the bit."""

from dataclasses import asdict, dataclass
from typing import Any

from lrlab.runtime.environment import describe
from lrlab.training.experiment import Member, Population


@dataclass(frozen=True)
class Provenance:
    """Where a member sat, and what its arithmetic depended on.

    Attributes:
        width, slot, microbatch, first_epoch: as the population and the member have them.
        data: digest of the data set.
        samples: size of the training set.
        environment: see ``lrlab.runtime.environment.describe``.
    """

    width: int
    slot: int
    microbatch: int
    first_epoch: int
    data: str
    samples: int
    environment: dict[str, Any]

    @classmethod
    def of(cls, population: Population, member: Member) -> "Provenance":
        return cls(
            population.width,
            member.slot,
            population.microbatch,
            member.first_epoch,
            population.dataset.digest,
            len(population.dataset.train),
            describe(),
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
