"""What is said of sweeps, walk-forwards and comparisons: for each its figures, plain, and the sections made of them."""
