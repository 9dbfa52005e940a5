"""Chapters of a report: one file per question of a clinic or a reviewer, beyond which cell is best.

Each has `chapter(evidence)`, which puts tables, figures and sentences together; the scores lie in `analysis/scores/`,
the arithmetic in `analysis/stats/`. `contents` lists them in the order of the page.
"""
