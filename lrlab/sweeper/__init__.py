"""The sweep: a search space, a study, and workers that ask, train, report and tell."""
