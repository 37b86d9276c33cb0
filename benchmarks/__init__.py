"""Measures chatterm: `python -m benchmarks` runs everything, or what is named."""
