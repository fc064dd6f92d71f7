"""What ran before: found, opened, marked, compared, deleted."""
