"""From what a user types to a request: a frozen dataclass that says what a command is to do.

The `*_requests` modules declare the requests, one field per option (`option`); `parsing` builds the parser from the
fields and from the knobs of `trainables.config.TrialConfig`, and makes the request; `values` reads and checks what
single options take; `endings` turns errors and stops into one line and an exit status. Nothing here imports torch, Ray
or MLflow, so that ``--help`` and every typing mistake are answered at once.
"""
