"""What can be measured: each function gives the measurements of one figure."""

# the function that does it, what it is, samples of each system
FIGURES = {
    "linear": ("sweep.linear", "the same 128 linear classifiers against the peers, from start to end", 3),
    "mlp": ("sweep.mlp", "the same 32 MLPs of 100 hidden units", 3),
    "answer": ("answer.measure", "a search of each system's own, until it has found what an exhaustive one finds", 3),
    "verdict": ("verdict.measure", "from the command to lrlab's verdict", 3),
    "train": ("train.measure", "one training against PyTorch eager", 5),
    "large": ("large.measure", "an MLP of 1000-1000-1000 hidden units, and eight of them: time and memory", 3),
    "rows": ("rows.measure", "a CSV file of 500,000 rows of 100 columns: time and memory", 3),
    "engine": ("engine.measure", "the engine's share of the SGEMM peak", 5),
    "overhead": ("overhead.measure", "processor time per trial outside training, and where it goes", 3),
    "growth": ("growth.measure", "cost against trials, workers and images", 3),
    "memory": ("memory.measure", "peak memory of a worker", 3),
    "startup": ("startup.measure", "from the command to the first update", 5),
    "digits": ("digits.measure", "1,000 trials x 20 epochs on the digits", 3),
    "search": ("search.measure", "best loss of a wide search against a sequential one", 10),
}
