"""What all stages read and write: the tape, the program, scalar expressions and operations.

The program of ``f(x) = x[1:] * sin(x[:-1])`` with three unknowns: slots 0 to 2 are x, and a slice
is nothing but which slots are read, here ``1+1i`` for x[1:].

>>> from sparsesolve.ir.builder import Builder
>>> b = Builder((3,))
>>> y = b.map("multiply", b.x[1:], b.map("sin", b.x[:-1]))
>>> print(b.build(y))
slots 7: x[3]
3..4 = sin(s[0+1i]) for i < 2
5..6 = multiply(s[1+1i], s[3+1i]) for i < 2
return 5+1i
"""
