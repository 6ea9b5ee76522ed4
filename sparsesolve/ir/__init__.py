"""What all stages read and write: the tape, the program, scalar expressions and operations."""
