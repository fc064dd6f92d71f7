"""Metrics: pure functions of numbers, one registry that describes them, one summary that computes them all."""
