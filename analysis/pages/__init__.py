"""Pages of tables, figures and sentences: the parts of a page, and what a report contains.

`page` writes one self-contained HTML file beside its tables and pictures; `sections` collects what a report shows of a
data set, and `report_page` turns that into the report's page.
"""
