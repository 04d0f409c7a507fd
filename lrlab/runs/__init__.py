"""A training on record: the loop, the recorder, its history, checkpoint and provenance."""
