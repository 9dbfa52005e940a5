"""What is handed on with a paper: a sweep's report, runs and predictions as one archive.

Reading such an archive belongs to `analysis.reading.bundles`, and the report in it to `analysis.pages`.
"""
