"""The names of the tags that lrlab puts on its runs, and of those that MLflow gives a meaning to."""


class Tag:
    """The name of each tag."""

    OWNER = "lrlab.owner"  # the process that writes the run (see `lrlab.runtime.process_id`)
    ABANDONED = "lrlab.abandoned"  # "true" of a run that was closed after its process had died
    SPOOLED_AS = "lrlab.spooled_as"  # the id the run had until its server gave it one

    PROVENANCE = "lrlab.provenance"  # JSON of what the run's arithmetic depends on besides its configuration
    CONFIG = "lrlab.config"  # "params" where they are the whole configuration, and there is no config.yaml
    LEARNING_RATE = "lrlab.learning_rate"  # the diagnosis: too high, too low, good, ...
    DIVERGED = "lrlab.diverged"  # "true" if the loss became infinite or NaN
    PRUNED = "lrlab.pruned"  # "true" if the search ended the run early
    REPLAY_OF = "lrlab.replay_of"  # the run that this one trained again

    STUDY = "lrlab.study"  # of a sweep's parent run: the name of the study
    N_TRIALS = "lrlab.n_trials"  # of a sweep's parent run: how many trials were asked for last, or there are in the end
    ANSWER = "lrlab.answer"  # of a sweep's parent run: what it found, in a sentence
    VERDICT = "lrlab.verdict"  # of a sweep's parent run: the answer in a word, such as saturating; cannot_tell
    REPORT = "lrlab.report"  # of a sweep's parent run: the page of its report, among its artifacts
    BEST_RUN_ID = "lrlab.best_run_id"  # of a sweep's parent run
    TRIAL = "lrlab.trial"  # of a sweep's child run: the number of the trial
    REUSED_BY = "lrlab.reused_by"  # of a sweep's child run: the trials that were told its objective instead of running
    OVERRIDES = "lrlab.overrides"  # of a sweep's child run: its Hydra overrides, separated by spaces
    CONFIRMS = "lrlab.confirms"  # of a confirmation's parent run: the name of the study
    MODEL = "lrlab.model"  # of a confirmation's parent run: the URI of the registered model
    TEST_ACCURACY = (
        "lrlab.test_accuracy"  # of a version of a registered model: of its confirmation, the mean over seeds
    )
    LECTURE = "lrlab.lecture"  # of a lecture's parent run: its data set

    JOB = "lrlab.job"  # of a job of somebody's own Hydra application: JSON of how to run it again
    PACKAGES = "lrlab.packages"  # of such a job: name==version of what was installed, separated by spaces
    PYTHON = "lrlab.python"  # of such a job: the version
    RECORDED = "lrlab.recorded"  # of such a job: JSON list of the metrics that lrlab recorded
    UNIT = "lrlab.unit"  # of such a job: what its steps count, epochs or updates
    SECONDS = "lrlab.seconds"  # of such a job: how long it took
    RETURNED = "lrlab.returned"  # of such a job: what its task returned
    GIT_DIFF = "lrlab.git.diff"  # of such a job: digest of what differs from the commit

    MODEL_VERSIONS = "mlflow.modelVersions"  # of a logged model: JSON of where it is registered
    PARENT = "mlflow.parentRunId"
    NAME = "mlflow.runName"
    USER = "mlflow.user"
    NOTE = "mlflow.note.content"
    SOURCE_NAME = "mlflow.source.name"
    SOURCE_TYPE = "mlflow.source.type"
    GIT_COMMIT = "mlflow.source.git.commit"
    GIT_DIRTY = "mlflow.source.git.dirty"
