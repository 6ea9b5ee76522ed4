"""What sparsesolve costs, measured beside other tools: ``python -m benchmarks --help``."""

__all__: list[str] = []
