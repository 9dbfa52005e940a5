"""Evaluations of students on classes that they never saw, from the request to the page.

`students` knows which runs and images are meant, `conduct_evaluation` has them measured by `analysis/probes`, and
`evaluation_page` writes the page, with warnings of what students and teachers may have seen before.
"""
