"""From a configuration to a trained model: the experiment and the population that trains it."""
