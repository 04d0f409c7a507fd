"""What the verbs that read finished runs do: best, confirm, report, repair."""
