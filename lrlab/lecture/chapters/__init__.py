"""The chapters of the lecture, one file each."""
