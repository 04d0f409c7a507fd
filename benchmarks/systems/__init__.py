"""The systems compared: how each of them is made to do the same work."""
