"""The claims of a lecture as experiments, with their results.

The lecture is Stanford CS231n, "Lecture 2: Regularization and Optimization"; numbers such as "lecture 6.1" are the
sections of its notes.
"""
