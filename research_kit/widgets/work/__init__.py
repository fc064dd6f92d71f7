"""What runs while the notebook stays free: runs and searches, started, watched and ended; the list of jobs."""
