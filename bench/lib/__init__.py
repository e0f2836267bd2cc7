"""What the end-to-end benchmarks share: the load, the server under test, the figures."""
