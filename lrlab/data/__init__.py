"""The data sets: fetched once, checked always, shared by every worker."""
