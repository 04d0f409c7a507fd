"""The updates of a population: member by member in NumPy, or of many members at once, compiled, where Numba is there.

Both round alike, to the bit, so that it does not matter which of them made an update.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import cast

import numpy as np

from lrlab.core.optimizer import ElementaryOptimizer
from lrlab.core.regularizer import ElementaryRegularizer
from lrlab.training.member import StackedMember
from lrlab.training.parameter import Parameter

Array = np.ndarray
Kernel = Callable[..., None]

CALL = 10_000  # elements that NumPy updates in the time that its calls for one member take
WORTH_COMPILING = 2e8  # elements: a third of a second, about what it takes to import Numba


class Updates:
    """Updates of the members of one population, whose parameters these are."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._parameters = parameters
        self._cost = CALL + sum(parameter.w.shape[1] for parameter in parameters)
        self._made = 0
        self._kernels: Mapping[tuple[type, type], Kernel] = {}

    def make(self, due: Sequence[StackedMember]) -> None:
        """Make one update of each of these members."""
        self._made += len(due)
        if not self._kernels and self._made * self._cost > WORTH_COMPILING:
            self._kernels = _kernels()
        together: dict[Kernel, list[StackedMember]] = defaultdict(list)
        for member in due:
            kernel = self._kernels.get((type(member.experiment.optimizer), type(member.experiment.regularizer)))
            if kernel and not member.is_observed:
                together[kernel].append(member)
            else:
                member.update()
        for kernel, members in together.items():
            self._compiled(kernel, members)

    def _compiled(self, kernel: Kernel, members: Sequence[StackedMember]) -> None:
        dtype = self._parameters[0].w.dtype
        slots = np.array([member.slot for member in members])
        rates = [member.begin_update() for member in members]
        constants, penalties = [], []
        for member, lr in zip(members, rates, strict=True):
            constants.append(cast(ElementaryOptimizer, member.experiment.optimizer).constants(lr, member.t))
            penalties.append(cast(ElementaryRegularizer, member.experiment.regularizer).constants(lr))
        numbers, on_weights = np.array(constants, dtype), np.array(penalties, dtype)
        on_biases = np.zeros_like(on_weights)
        for each in self._parameters:
            on_it = on_weights if each.is_weight else on_biases
            kernel(slots, each.w, each.gradient, tuple(each.states), numbers, on_it)


@cache
def _kernels() -> Mapping[tuple[type, type], Kernel]:
    """Return what is compiled, by the types of optimizer and regularizer; empty without Numba."""
    if find_spec("numba") is None:
        return {}
    from lrlab.core.compiled import REGULARIZERS, UPDATES

    return {(optimizer, each): kernel for optimizer, kernel in UPDATES.items() for each in REGULARIZERS}
