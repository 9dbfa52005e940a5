"""Evaluations that no sweep makes: another hospital, unseen classes, networks with averaged weights.

`students` knows which runs and images are meant. Of classes to learn, `conduct_evaluation` has them measured by
`analysis/probes`, and `evaluation_page` writes the page, with warnings of what students and teachers may have seen
before. Of another hospital, `external_images` says which images and labels, `answering` asks students and teachers, and
`conduct_external` records the answers. `conduct_weight_average` records those of averaged networks, and `same_basin`
says whose weights have a mean. The report makes its chapters from what is recorded.
"""
