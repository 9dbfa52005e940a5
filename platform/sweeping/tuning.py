"""How Ray Tune is run: what it keeps, how often a worker may fail, and which of its errors are a sentence."""

from __future__ import annotations

from ray import tune
from ray.tune.error import TuneError

MAX_RETRIES = 3  # of a trial whose worker died, within one run of the command


def fit(tuner: tune.Tuner) -> None:
    """Runs the trials; a disk that stays full under the journal is a sentence, and not what Ray Tune makes of it.

    Raises:
        OSError: the sweep's records cannot be written; the same command resumes it.
    """
    try:
        tuner.fit()
    except TuneError as error:
        cause = error.__context__
        if not isinstance(cause, OSError):
            raise
        what = f"the sweep's records must be written, but: {cause.strerror or cause}; free some space"
        raise OSError(f"{what}, and run the same command again to resume") from error


def run_config(storage: str, events: tune.Callback, *, verbose: bool) -> tune.RunConfig:
    """Ray's own state goes into `storage`, and is never read; `events` is told of every result."""
    return tune.RunConfig(
        name="sweep",
        storage_path=storage,
        verbose=2 if verbose else 0,
        callbacks=[events],
        failure_config=tune.FailureConfig(max_failures=MAX_RETRIES),
        checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
    )
