"""Measurements of the file backend, each beside a yardstick of the same run: `python -m benchmarks`."""
