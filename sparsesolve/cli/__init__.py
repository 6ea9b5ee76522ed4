"""The commands of ``python -m sparsesolve``.

``inspect`` prints the structure of a function, and then what finding it took:

>>> from sparsesolve.__main__ import main
>>> main(["inspect", "numpy:diff", "--at", "np.ones(4)"])
<Jacobian 3x4, 6 nonzeros (50 %), compiled>
3 x 4, 6 entries (50 %)
● ● · ·
· ● ● ·
· · ● ●
...
"""
