"""All kinds of faults, by name."""

from __future__ import annotations

from tests.chaos import faults, hanging, replacing
from tests.chaos.faults import Fault

FAULTS: tuple[Fault, ...] = (
    faults.kill_driver,
    faults.interrupt,
    faults.terminate,
    faults.kill_worker,
    faults.cut_checkpoint,
    faults.spoil_checkpoint,
    faults.cut_journal,
    faults.spoil_cache,
    faults.drop_cache,
    faults.fill_cache,
    faults.fill_results,
    faults.lock_mlflow,
    faults.kill_server,
    faults.start_a_second,
    faults.freeze,
    faults.slow_files,
    faults.jump_clock,
    hanging.hang_worker,
    hanging.clock_and_disk,
    replacing.restore_database,
    replacing.restore_database_under_it,
    replacing.overwrite_database,
    replacing.delete_checkpoints,
    replacing.kill_and_delete_checkpoints,
    replacing.delete_best,
    replacing.kill_and_delete_best,
    replacing.replace_store_by_copy,
    replacing.replace_store,
)
KINDS = {fault.__name__: fault for fault in FAULTS}
NEED_A_DISK = (faults.fill_cache, faults.fill_results, hanging.clock_and_disk)  # of their own
