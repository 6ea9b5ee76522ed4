"""The commands of ``python -m sparsesolve``."""
