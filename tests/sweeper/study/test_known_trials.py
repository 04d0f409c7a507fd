"""What is known of a study after any sequence of reads, against what the last read of each trial says."""

from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from lrlab.sweeper.study.known_trials import KnownTrials
from lrlab.sweeper.study.trial_store import id_of

ORDER = (TrialState.WAITING, TrialState.RUNNING, TrialState.FAIL)  # in which a trial is in them


def read(number: int, state: TrialState) -> FrozenTrial:
    trial = create_trial(state=state)
    trial._trial_id = trial.number = number
    return trial


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20))
def test_each_trial_counts_as_it_was_last_read(reads: list[tuple[int, bool]]) -> None:
    known, states, ended = KnownTrials(), dict[int, int](), list[int]()
    for number, has_changed in reads:
        before = states.get(number, 0)
        if before == len(ORDER) - 1:  # what has finished is not read again
            continue
        states[number] = before + has_changed
        known.keep(read(number, ORDER[states[number]]))
        if states[number] == len(ORDER) - 1:
            ended.append(number)
    in_state = [{number for number, state in states.items() if ORDER[state] == each} for each in ORDER]
    assert [set(known.waiting), known.running, set(map(id_of, known.finished))] == in_state
    assert list(map(id_of, known.finished)) == ended
    assert known.last_id == max(states, default=-1)
    assert {number: trial.state for number, trial in known.trials.items()} == {
        number: ORDER[state] for number, state in states.items()
    }


def test_the_last_report_of_a_finished_trial_is_forgotten() -> None:
    known = KnownTrials()
    known.keep(read(3, TrialState.RUNNING))
    known.last_reports[3] = 7
    known.keep(read(3, TrialState.RUNNING))
    assert known.last_reports == {3: 7}
    known.keep(read(3, TrialState.FAIL))
    assert known.last_reports == {}
