"""What is chosen and filled in: pickers, and forms made from models."""
