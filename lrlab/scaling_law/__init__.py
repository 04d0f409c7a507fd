"""The scaling rule: from a table of trials to a verdict on how the best learning rate moves with the batch size."""
