"""Tables from frames, in text, Markdown, LaTeX and CSV, and what the commands of the tables share.

The commands themselves, `python -m analysis.table_1` and so on, are one folder up. The scores come from `scores`.
"""
