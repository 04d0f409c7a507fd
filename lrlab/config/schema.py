"""The keys of a configuration: those that decide what is trained, and those of a whole sweep."""

# The parts of an experiment, and where lrlab defines their choices
HOMES = {
    "data": tuple(
        f"lrlab.data.{name}." for name in ("cifar10", "mnist", "digits", "spirals", "table", "arrays", "images")
    ),
    "method": ("lrlab.training.",),
    "model": ("lrlab.core.model.", "lrlab.core.neighbours."),
    "loss": ("lrlab.core.loss.",),
    "regularizer": ("lrlab.core.regularizer.",),
    "optimizer": ("lrlab.core.optimizer.",),
    "schedule": ("lrlab.core.schedule.",),
}
PARTS = tuple(HOMES)
SETTINGS = ("batch_size", "drop_last", "epochs", "updates", "seed", "dtype", "evaluate")
# What all trials of a sweep share; `study` and `question` are a sweep's alone
SHARED = ("objective", "outputs", "study", "question", "tracking", "allow", "blas_threads", "population")
