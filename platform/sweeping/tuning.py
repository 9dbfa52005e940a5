"""How Ray Tune is run: what it keeps, how often a worker may fail, and which of its errors are a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ray import tune
from ray.tune.error import TuneError

MAX_RETRIES = 3  # of a trial whose worker died, within one run of the command


class Events(Protocol):
    """Ray's events, as the sweep takes them up."""

    def check(self) -> None:
        """Raises what has to end the sweep, if there is something."""


def fit(tuner: tune.Tuner, events: Events) -> None:
    """Runs the trials; a disk that stays full under the journal is a sentence, and not what Ray Tune makes of it.

    Raises:
        OSError: the sweep's records cannot be written; the same command resumes it.
        ConnectionError, ValueError: as `TrialEvents.on_step_begin` says.
    """
    try:
        tuner.fit()
        events.check()
    except TuneError as error:
        if not isinstance(error.__context__, OSError):
            raise
        raise _in_words(error.__context__) from error
    except ConnectionError:
        raise
    except OSError as error:
        raise _in_words(error) from error


def _in_words(error: OSError) -> OSError:
    if isinstance(error, ConnectionError):  # which MLflow's is already
        return error
    what = f"the sweep's records must be written, but: {error.strerror or error}; free some space"
    return OSError(f"{what}, and run the same command again to resume")


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
