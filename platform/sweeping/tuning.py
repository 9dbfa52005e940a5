"""How Ray Tune is run: what it keeps, how often a worker may fail, and which of its errors are a sentence."""

from __future__ import annotations

from pathlib import Path

from ray import tune
from ray.tune.error import TuneError

MAX_RETRIES = 3  # of a trial whose worker died, within one run of the command


def fit(tuner: tune.Tuner) -> None:
    """Runs the trials; a disk that stays full under the journal is a sentence, and not what Ray Tune makes of it.

    Raises:
        ConnectionError: Ray is gone (`platform.cluster.starting.check_alive`).
        OSError: the sweep's records cannot be written; the same command resumes it.
    """
    try:
        tuner.fit()
    except TuneError as error:
        cause = error.__context__
        if isinstance(cause, ConnectionError):
            raise cause from error
        if not isinstance(cause, OSError):
            raise
        what = f"the sweep's records must be written, but: {cause.strerror or cause}; free some space"
        raise OSError(f"{what}, and run the same command again to resume") from error


def restarted(num_failures: int, error_file: str | None) -> str:
    """What is said of a trial whose worker failed and is started again: why, and that it goes on by itself.

    Args:
        num_failures: of this trial, within this run of the command.
        error_file: where Ray keeps the traceback; its last line is the error.
    """
    lines = Path(error_file).read_text().split("\n") if error_file and Path(error_file).exists() else []
    reason = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if "actor is dead" in reason:  # Ray's guesses at why, in five sentences
        reason = "its process was killed, perhaps for want of memory, or its machine is gone"
    kept = f"; all of it is in {error_file}" if error_file else ""
    return (
        f"its worker failed ({reason or 'no reason is known'}) and goes on by itself from its last finished epoch, "
        f"attempt {num_failures + 1} of {MAX_RETRIES + 1}{kept}"
    )


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
