"""The training of a configuration: the experiment and the population that trains it."""
