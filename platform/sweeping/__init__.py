"""A sweep from its request to its closing table: what runs next, on what, and how it ends.

`setup` gathers what a sweep needs, `plan` and `studies` decide what runs next, `search` and `runner` are Ray Tune's
side of it, and `conduct_sweep` leads from one to the other. `conduct_pretraining` runs a teacher's training as a sweep
of one trial. Nothing here reads images or writes to MLflow by itself.
"""
