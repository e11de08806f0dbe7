"""Measured claims: each figure beside its floor or its peer of the same run. `make bench` runs them all."""
