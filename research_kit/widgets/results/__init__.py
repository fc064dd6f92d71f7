"""What is shown of a run or a search that ended."""
