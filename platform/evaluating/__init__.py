"""Evaluations that no sweep makes: students on unseen classes, and networks with averaged weights.

`students` knows which runs and images are meant, `conduct_evaluation` has them measured by `analysis/probes`, and
`evaluation_page` writes the page, with warnings of what students and teachers may have seen before.
`conduct_weight_average` leaves predictions in MLflow, for the report, and `same_basin` says whose weights have a mean.
"""
