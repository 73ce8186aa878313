"""Benchmarks of edgraph against loops written by hand. `python -m benchmarks` runs them all."""
