import threading

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.running_job import RunningJob, current, reporting
from lrlab.tracking.tags import Tag


def test_a_job_is_known_while_it_runs_and_in_its_thread() -> None:
    job, elsewhere = RunningJob(), []
    assert current() is None
    with reporting(job):
        assert current() is job
        thread = threading.Thread(target=lambda: elsewhere.append(current()))
        thread.start()
        thread.join()
    assert current() is None
    assert elsewhere == [None]


def test_all_trials_of_a_study_count_their_steps_alike() -> None:
    study = optuna.create_study()
    RunningJob(study.ask()).set_unit("updates")
    assert study.user_attrs[Tag.UNIT] == "updates"
    RunningJob(study.ask()).set_unit("updates")
    with pytest.raises(InputError, match=r"^unit of lrlab\.report must be updates, as it was before in this study"):
        RunningJob(study.ask()).set_unit("epochs")


def test_a_job_does_not_change_its_unit() -> None:
    job = RunningJob()
    job.set_unit("epochs")
    job.set_unit("epochs")
    with pytest.raises(InputError, match="must be epochs"):
        job.set_unit("updates")
