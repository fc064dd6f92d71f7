"""What all controls are made of: how they are shown, listen, and are kept; a grid, a fold, a place for a chart."""
