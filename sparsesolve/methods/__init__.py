"""Solver methods of our own, and what every solve shares: evaluation, monitoring, KKT."""
