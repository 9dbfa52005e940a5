"""Figures: the paper's, and others beyond it.

Each module has a function that gives the frame and one that draws it; `drawing` has the colours, and writes the files
of all of them. Fig. 1 is a command of its own, one folder up.
"""
