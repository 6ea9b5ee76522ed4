"""The engine that runs a program with NumPy: the readable reference."""
