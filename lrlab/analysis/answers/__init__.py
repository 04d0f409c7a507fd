"""What a study answers, a question a module."""
