"""Which of the swept keys mattered most to the objective of a study."""

import math
from typing import TYPE_CHECKING, Final

from optuna.trial import TrialState

from lrlab.sweeper.study.queue import has_ended
from lrlab.sweeper.study.state import seed_key

if TYPE_CHECKING:
    import optuna

MIN_TRIALS: Final = 30
BEST_PART: Final = (
    0.25  # of the trials: of 30, Optuna's own tenth names the wrong one of two keys in every second study
)


def importance(study: "optuna.Study") -> dict[str, float]:
    """Return each key's share in what tells the best quarter of the trials from the rest; none for few trials.

    The shares are those of PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255), of the keys that all trials have. They
    say where the search made a difference, not which value is better. The seed is left out: what it explains is noise.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    complete = [
        trial for trial in trials if has_ended(trial) and trial.value is not None and math.isfinite(trial.value)
    ]
    if len(complete) < MIN_TRIALS:
        return {}
    keys = [
        key
        for key in complete[0].params
        if key != seed_key(study)
        and all(key in trial.params for trial in complete)
        and len({trial.params[key] for trial in complete}) > 1
    ]
    if len(keys) < 2:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances  # brings scikit-learn: a second

    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=BEST_PART), params=keys)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1])) if sum(shares.values()) > 0 else {}
