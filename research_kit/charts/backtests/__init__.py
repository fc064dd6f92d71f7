"""The charts of one backtest, each a data function and a figure function; ``gallery`` has them by name."""
