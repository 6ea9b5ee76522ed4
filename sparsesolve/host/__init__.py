"""What the package asks of its process and its machine: signals, forks, files kept between runs.

Separate because tracing, machine code and colorings all need it, and none of it is mathematics.
"""
