"""Measurements that print each figure beside its target: `python -m benchmarks.files`."""
