"""Figures: the paper's, and those beyond it. Rows first, then the drawing.

Each module has a function that gives the frame and one that draws it; `drawing` has the colours and the files that they
share. Fig. 1 is a command of its own, one folder up.
"""
