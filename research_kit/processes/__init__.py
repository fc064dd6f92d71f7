"""Processes that are started warm, watched, limited and stopped."""
