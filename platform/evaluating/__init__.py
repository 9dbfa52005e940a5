<<<<<<< HEAD
"""Evaluations of students on what they never saw, from the request to the page: another hospital, and new classes.

`students` knows which runs and images are meant. Of classes to learn, `conduct_evaluation` has them measured by
`analysis/probes`, and `evaluation_page` writes the page, with warnings of what students and teachers may have seen
before. Of another hospital, `external_images` says which images and labels, `answering` asks students and teachers, and
`conduct_external` records the answers, from which the report makes its chapter.
=======
"""Evaluations that no sweep makes, from the request to the page: students on classes that they never saw, and networks
with their averaged weights.

`students` knows which runs and images are meant, `conduct_evaluation` has them measured by `analysis/probes`, and
`evaluation_page` writes the page, with warnings of what students and teachers may have seen before.
`conduct_weight_average` leaves predictions in MLflow, for the report, and `same_basin` says whose weights have a mean.
>>>>>>> w-power
"""
