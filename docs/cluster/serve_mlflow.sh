#!/bin/sh
# Serves MLflow from PostgreSQL, both to this machine's own users only; does nothing if they are running already.
#
#   sh docs/cluster/serve_mlflow.sh [RESULTS]
#
# The database lies in RESULTS/postgres and the runs' files in RESULTS/artifacts (default: TRANSFER_RESULTS), so that both
# outlast this machine. The database wants a disk, or NFS mounted `hard`. A lock beside it keeps a second machine out.
# Look at the pages through SSH: `ray exec cluster.yaml --port-forward 5000 "sleep infinity"`.
#
# PORT (5000) and MLFLOW (the program; by default that of this folder's .venv, else of the PATH) may be set.
set -eu
results="${1:-${TRANSFER_RESULTS:?give the results folder, or set TRANSFER_RESULTS}}"
port="${PORT:-5000}"
here=$(cd "$(dirname "$0")/../.." && pwd)
mlflow="${MLFLOW:-$here/.venv/bin/mlflow}"
data="$results/postgres"
logs="$results/logs"
socket="/tmp/transfer-postgres-$(id -u)"

say() { echo "serve_mlflow.sh: $1" >&2; exit 1; }
[ "$(id -u)" != 0 ] || say "PostgreSQL refuses to run as root: be another user"
[ -x "$mlflow" ] || mlflow=$(command -v mlflow) || say "there is no mlflow: run sh install.sh first"
bin=$(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl)") || say "there is no PostgreSQL: install the package postgresql"

wait_for() { # NAME LOG COMMAND...
    name=$1 log=$2 tries=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || say "$name did not start within two minutes: see $log"
        sleep 1
    done
}

mkdir -p "$logs" "$results/artifacts"
mkdir -m 700 "$socket" 2>/dev/null || [ -O "$socket" ] || say "$socket must be this user's own folder"
ready() { "$bin/pg_isready" -q -h "$socket"; }
if ! ready; then
    [ -f "$data/PG_VERSION" ] || "$bin/initdb" -D "$data" -U mlflow --auth=trust -E UTF8 >"$logs/initdb.log" 2>&1 ||
        say "no database could be created: see $logs/initdb.log"
    # The socket's folder is closed to everybody else, and there is no other way in. Under our lock, a
    # postmaster.pid is a leftover of a machine that is gone.
    setsid nohup flock -n "$data.lock" sh -c 'rm -f "$2/postmaster.pid"; exec "$1/postgres" -D "$2" -k "$3" -h ""' \
        postgres "$bin" "$data" "$socket" >>"$logs/postgres.log" 2>&1 </dev/null &
    wait_for "PostgreSQL (or another machine serves it already, and holds $data.lock)" "$logs/postgres.log" ready
fi
"$bin/psql" -h "$socket" -U mlflow -d postgres -Atc "select 1 from pg_database where datname = 'mlflow'" | grep -q 1 ||
    "$bin/createdb" -h "$socket" -U mlflow mlflow

alive() { curl -fs "http://127.0.0.1:$port/health"; }
if ! alive >/dev/null; then
    MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid nohup "$mlflow" server --host 127.0.0.1 --port "$port" --workers 2 \
        --backend-store-uri "postgresql+psycopg2://mlflow@/mlflow?host=$socket" \
        --artifacts-destination "$results/artifacts" >>"$logs/mlflow.log" 2>&1 </dev/null &
    wait_for MLflow "$logs/mlflow.log" alive
fi
echo "MLflow serves http://127.0.0.1:$port from PostgreSQL in $data"
