"""What the package asks of its process and its machine: signals, forks, files kept between runs.

Tracing, machine code and colorings all need it, and none of it is mathematics.

What travels to another process is asked before it is sent, so that the error says what to do:

>>> from sparsesolve.host.pickling import require_picklable
>>> require_picklable("a Problem", "with its functions", [len, lambda x: x])
Traceback (most recent call last):
    ...
TypeError: a Problem is pickled with its functions, and <function <lambda> at ...
"""
