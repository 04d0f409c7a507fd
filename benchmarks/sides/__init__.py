"""The sides: how each of them is made to do the same work."""
