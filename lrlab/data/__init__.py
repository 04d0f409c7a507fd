"""The data sets: fetched or read from the user's files once, checked always, shared by every worker."""
