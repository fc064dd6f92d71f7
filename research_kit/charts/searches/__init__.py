"""The charts of sweeps and walk-forwards, and of how much of what they found is luck."""
