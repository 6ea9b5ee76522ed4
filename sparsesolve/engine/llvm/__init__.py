"""The engine that runs a program as machine code: plan, then code, then run."""
