"""The sweep that looks beyond the end at which the best value lies."""

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import NextStep
from lrlab.sweeper.study.ranking import End
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.study import SPEC

if TYPE_CHECKING:
    import optuna

UNBOUNDED: Final = ("optimizer.lr", "regularizer.strength")  # of which any value above 0 is allowed
LOG_INTERVAL: Final = re.compile(r"tag\(log, interval\(([^,]+), ([^)]+)\)\)")
REACH: Final = 10.0  # beyond the end of an interval, and as far back


def wider(study: "optuna.Study", params: Mapping[str, Any], ends: Mapping[str, End]) -> tuple[NextStep, ...]:
    """Return the sweep that begins where this one ended, for the first key whose best value lies at an end.

    Of sweeps of lrlab's own trainer whose file ships, and of keys that may have any value.
    """
    state = read_state(study)
    begun = state.command if state else None
    if begun is None or begun.launch or begun.config_dirs:
        return ()
    for key in UNBOUNDED:
        definition = study.user_attrs.get(SPEC, {}).get("space", {}).get(key, "")
        if key not in ends or not (override := _beyond(definition, params[key], ends[key])):
            continue
        kept = [each for each in begun.overrides if not each.lstrip("+").startswith((f"{key}=", "study="))]
        line = shlex.join(["lrlab", "sweep", begun.config_name, *kept, f"{key}={override}"])
        return (NextStep(line, f"look beyond the {ends[key]} {key} tried"),)
    return ()


def _beyond(definition: str, value: float, end: End) -> str:
    """Return an interval or choice about the end of another one; "" for one that looks beyond by itself."""
    if found := LOG_INTERVAL.fullmatch(definition):
        edge = float(found[2 if end == "highest" else 1])
        return f"tag(log,interval({edge / REACH:.3g},{edge * REACH:.3g}))"
    if definition.startswith("choice("):
        factors = (0.5, 1, 2, 4, 8) if end == "highest" else (0.125, 0.25, 0.5, 1, 2)
        return f"choice({','.join(f'{value * factor:.3g}' for factor in factors)})"
    return ""
