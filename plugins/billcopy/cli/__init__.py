"""The command line, `python -m billcopy`: one module per audience, no rule of its own.

What a command changes, a function of the database changes; what it prints, people read.
"""
