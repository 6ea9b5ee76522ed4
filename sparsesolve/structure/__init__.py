"""Structure without values: patterns, their pictures in text, and their files.

One function is followed through all stages: ``f(x) = x[1:] * sin(x[:-1])`` of three unknowns. Its
Jacobian has two rows; a pattern holds the columns of each, one row after the other.

>>> from sparsesolve.structure.pattern import Pattern
>>> pattern = Pattern.from_dense([[1, 1, 0], [0, 1, 1]])
>>> pattern.indptr.tolist(), pattern.indices.tolist()
([0, 2, 4], [0, 1, 1, 2])
>>> print(pattern)
2 x 3, 4 entries (66.7 %)
● ● ·
· ● ●
"""
