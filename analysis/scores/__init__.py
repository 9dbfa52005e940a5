"""Scores from the frames of `reading`: per cell, label and subgroup, and comparisons of cells.

Each module gives frames and, where numbers need care, the words that they support. Tables of them are in `tables`.
"""
