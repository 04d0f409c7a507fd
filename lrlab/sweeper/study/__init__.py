"""A study and its trials, in a storage that several processes share."""
