#!/bin/sh
# Serves MLflow from PostgreSQL, both on this machine and on its loopback alone; does nothing where they run already.
#
#   sh docs/cluster/serve_mlflow.sh [RESULTS]
#
# The database lies in RESULTS/postgres and the runs' files in RESULTS/artifacts (default: TRANSFER_RESULTS), so that they
# outlast this machine. The database wants a file system that keeps its promises: a disk, or NFS mounted `hard`; one
# machine at a time may serve it, which a lock in RESULTS/postgres holds. Nobody but this machine's users can reach either
# server; a page is looked at through SSH: `ray exec cluster.yaml --port-forward 5000 "sleep 1d"`.
#
# PORT (5000) and MLFLOW (the program; by default that of this folder's .venv, else of the PATH) may be set.
set -eu
results="${1:-${TRANSFER_RESULTS:?give the results folder, or set TRANSFER_RESULTS}}"
port="${PORT:-5000}"
here=$(cd "$(dirname "$0")/../.." && pwd)
mlflow="${MLFLOW:-$here/.venv/bin/mlflow}"
[ -x "$mlflow" ] || mlflow=$(command -v mlflow) || { echo "no mlflow: run sh install.sh first" >&2; exit 1; }
data="$results/postgres"
socket="${XDG_RUNTIME_DIR:-/tmp}/transfer-postgres-$(id -u)"
logs="$results/logs"

[ "$(id -u)" != 0 ] || { echo "PostgreSQL refuses to run as root: be another user" >&2; exit 1; }
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v pg_ctl)") || { echo "no PostgreSQL here: install postgresql" >&2; exit 1; }

mkdir -p "$logs" "$results/artifacts" "$socket"
chmod 700 "$socket"
if [ ! -f "$data/PG_VERSION" ]; then
    "$bin/initdb" -D "$data" --username=mlflow --auth=peer --encoding=UTF8 >"$logs/initdb.log"
    # Whoever runs this is the database's user, too; the socket's folder is closed to everybody else.
    printf 'local all mlflow trust\n' >"$data/pg_hba.conf"
fi
if ! "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
    "$bin/pg_ctl" -D "$data" -l "$logs/postgres.log" -w -o "-k $socket -c listen_addresses=''" start >/dev/null
fi
uri="postgresql+psycopg2://mlflow@/mlflow?host=$socket"
"$bin/psql" -h "$socket" -U mlflow -lqt postgres | cut -d '|' -f 1 | grep -qw mlflow ||
    "$bin/createdb" -h "$socket" -U mlflow mlflow

alive() { curl -fs "http://127.0.0.1:$port/health" >/dev/null 2>&1; }
if ! alive; then
    MLFLOW_DISABLE_TELEMETRY=true nohup setsid "$mlflow" server --host 127.0.0.1 --port "$port" --workers 2 \
        --backend-store-uri "$uri" --artifacts-destination "$results/artifacts" >>"$logs/mlflow.log" 2>&1 </dev/null &
    tries=0
    until alive; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || { echo "MLflow did not start within two minutes: see $logs/mlflow.log" >&2; exit 1; }
        sleep 1
    done
fi
echo "MLflow serves http://127.0.0.1:$port from PostgreSQL in $data"
