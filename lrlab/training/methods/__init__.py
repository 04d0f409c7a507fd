"""The methods that can train an experiment, one file each."""
