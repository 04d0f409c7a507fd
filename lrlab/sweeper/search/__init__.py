"""What a sweep searches, and how: the space, the sampler and pruner, brackets."""
