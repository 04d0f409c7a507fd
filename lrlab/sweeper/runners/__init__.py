"""What trains the trials of a sweep."""
