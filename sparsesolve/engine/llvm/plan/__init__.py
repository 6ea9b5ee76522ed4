"""From a program to tasks over slots and results, before any code is written."""
