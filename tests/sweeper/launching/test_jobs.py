"""What a worker's job returned, through Hydra."""

from hydra.core.utils import JobReturn, JobStatus

from lrlab.sweeper.launching.jobs import WorkerReport, worker_report


def test_a_report_comes_as_it_is() -> None:
    report = WorkerReport([(0, 0.5)], "n1: told to stop")
    assert worker_report(JobReturn(status=JobStatus.COMPLETED, _return_value=report), "job 7") == report


def test_a_failure_outside_of_the_worker_names_the_job() -> None:
    returned = JobReturn(status=JobStatus.FAILED, _return_value=ImportError("no module\nnamed x"))
    assert worker_report(returned, "job 7").failure == "job 7: ImportError: no module named x"
