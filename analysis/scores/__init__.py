"""Scores from the frames of `reading`: per cell, label and subgroup, and cells against each other.

Each module gives frames and, where numbers need care, the words that they support. Tables of them are in `tables`.
"""
