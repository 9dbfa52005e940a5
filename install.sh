#!/bin/sh
# Creates the environment .venv with exactly what requirements.lock names; does nothing if it exists already.
# PYTHON names another interpreter (3.11 or 3.12), VENV another folder.
# uv downloads in parallel: with an empty cache all of this takes 50 s (measured on 2 cores), and pip twice as long.
set -eu
cd "$(dirname "$0")"
venv="${VENV:-.venv}"
if cmp -s requirements.lock "$venv/installed.lock"; then exit 0; fi
echo "installing into $venv: about 6 GB, a minute or two"
"${PYTHON:-python3.11}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet uv
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" -r requirements.lock

# Python compiles a module at its first import. For what a sweep imports that is now, on two cores, and whatever
# PYTHONDONTWRITEBYTECODE says: a sweep starts several processes, and each is ready in half the time. To compile all that
# is installed would take half a minute more. In a container's image the libraries come before our own code.
import() {
    PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" -c 'import importlib, sys
for name in sys.argv[1:]: importlib.import_module(name)' "$@"
}
ours_1='' ours_2=''
if [ -d trainables ]; then ours_1='trainables.job' ours_2='platform.sweeping.conduct_sweep trainables.student'; fi
import torch torchvision $ours_1 &
import ray.tune ray.dashboard.agent ray._private.log_monitor mlflow.store.tracking.sqlalchemy_store $ours_2
wait $!
cp requirements.lock "$venv/installed.lock"
