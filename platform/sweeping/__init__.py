"""A sweep from its request to its closing table: what runs next, on what, and how it ends.

`gathering` brings together what a sweep needs (a `setup`), `plan` and `studies` decide what runs next, `search` and
`runner` hand that to Ray Tune, and `conduct_sweep` leads from the first step to the last. `conduct_pretraining` runs a
teacher's training as a sweep of one trial. Nothing here reads images or writes to MLflow by itself.
"""
