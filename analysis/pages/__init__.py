"""Pages of tables, figures and sentences: the parts of a page, and what a report holds.

`page` writes one self-contained HTML file beside its tables and pictures; `sections` says what a report has to say of a
data set.
"""
