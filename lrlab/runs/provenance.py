"""Provenance: what must be known of a run, beyond its configuration, to repeat it to the bit."""

import json
import platform
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from lrlab.errors import InputError
from lrlab.runs.code_digest import code_digest
from lrlab.runtime.environment import blas_of
from lrlab.runtime.scipy_blas import routines
from lrlab.training.experiment import Member, Population


@dataclass(frozen=True)
class Environment:
    """What the arithmetic of a process depends on. Two runs with equal environments round alike.

    Attributes:
        blas: name and version of the library that multiplies: SciPy's, see ``lrlab.core.blas``.
        blas_kernel: its code for this kind of processor, such as Haswell or SkylakeX.
        blas_threads: how many threads it uses.
        machine, numpy, python, scipy: the processor's architecture, and versions.
        code: see `code_digest`.
    """

    blas: str
    blas_kernel: str
    blas_threads: int
    machine: str
    numpy: str
    python: str
    scipy: str
    code: str

    @classmethod
    def current(cls) -> Self:
        """Return the environment of this process."""
        import scipy

        routines()  # only what is loaded is known
        blas = blas_of(scipy)
        return cls(
            blas=f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
            blas_kernel=blas.get("architecture", "unknown"),
            blas_threads=blas.get("num_threads", 1),
            machine=platform.machine(),
            numpy=np.__version__,
            python=platform.python_version(),
            scipy=scipy.__version__,
            code=code_digest(),
        )


@dataclass(frozen=True)
class Provenance:
    """The slot of a member and the shapes of its population, which decide how its sums round, and what it ran on.

    Attributes:
        width, slot, microbatch, first_epoch: as the population and the member have them.
        data: digest of the arrays that were trained on.
        samples: size of the training set.
        environment: of the process that trained.
        validation: size of the validation set; 0 in records of earlier versions.
    """

    width: int
    slot: int
    microbatch: int
    first_epoch: int
    data: str
    samples: int
    environment: Environment
    validation: int = 0

    @classmethod
    def of(cls, population: Population, member: Member) -> Self:
        """Return the provenance of a member in this process."""
        return cls(
            width=population.width,
            slot=member.slot,
            microbatch=population.microbatch,
            first_epoch=member.first_epoch,
            data=population.dataset.digest,
            samples=len(population.dataset.train),
            environment=Environment.current(),
            validation=len(population.dataset.validation),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote.

        Raises:
            InputError: an earlier version of lrlab wrote it, or something else.
        """
        try:
            record: dict[str, Any] = json.loads(text)
            return cls(**record | {"environment": Environment(**record["environment"])})
        except (KeyError, TypeError, ValueError):
            raise InputError("this run was recorded by an earlier version of lrlab, and cannot be repeated") from None

    def to_json(self) -> str:
        """Return the provenance as it is recorded with a run."""
        return json.dumps(asdict(self))

    def shape(self) -> dict[str, int]:
        """Return the arguments of `Experiment.new_population` that restore the population's shapes."""
        return {"width": self.width, "microbatch": self.microbatch, "first_epoch": self.first_epoch}

    def changes(self, now: Self) -> dict[str, tuple[Any, Any]]:
        """Return what another provenance has otherwise in environment or data: name -> (this, the other)."""
        before, after = ({**asdict(each.environment), "data": each.data} for each in (self, now))
        return {name: (value, after[name]) for name, value in before.items() if after[name] != value}
