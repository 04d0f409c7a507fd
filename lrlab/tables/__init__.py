"""Results that exist already: files, experiments and studies of somebody else, as trials by setting."""
