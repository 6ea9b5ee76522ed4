"""Real and classic problems with known answers, one family a file, written as plain NumPy.

Separate from `sparsesolve` because the package never imports its problems. `registry` lists them;
``python -m problems`` prints the list.
"""
