"""Every claim of a lecture as something that runs, with what came out.

The lecture is Stanford CS231n, "Lecture 2: Regularization and Optimization"; numbers such as "lecture 6.1" are the
sections of its notes.
"""
