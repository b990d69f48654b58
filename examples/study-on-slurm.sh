#!/usr/bin/env bash
# A tiny study on a real Slurm on this machine alone: the daemons are started for it and stopped after it.
# Skips with a message where Slurm is not installed (Debian: slurm-wlm, munge) or its configuration is not there.
#
#   examples/study-on-slurm.sh [path to the binary]
set -euo pipefail
cd "$(dirname "$0")/.."
sarx=$(realpath "${1:-target/release/sarx}")
template=../shared/reference/slurm.conf

for program in slurmctld slurmd munged sbatch squeue; do
    if ! command -v "$program" > /dev/null; then
        echo "skipped: $program is not installed (slurm-wlm, munge)"
        exit 0
    fi
done
if [ ! -f "$template" ] || [ "$(id -u)" != 0 ]; then
    echo 'skipped: needs ../shared/reference/slurm.conf and root, as which the daemons run'
    exit 0
fi

work=$(mktemp -d)
stop() {
    for pid in "$work"/run/{ctld,slurmd,munge}.pid; do
        if [ -f "$pid" ]; then kill "$(cat "$pid")" 2> /dev/null || true; fi
    done
    rm -rf "$work"
}
trap stop EXIT

mkdir -p "$work"/run/{state,spool,log}
chmod 755 "$work" "$work/run"
host=$(hostname -s)
cores=$(nproc)
sed -e "s#RUNDIR#$work/run#g" -e "s#SlurmctldHost=vm#SlurmctldHost=$host#" \
    -e "s#NodeName=vm#NodeName=$host#" -e "s#CPUs=2#CPUs=$cores#" "$template" > "$work/slurm.conf"
export SLURM_CONF="$work/slurm.conf"
dd if=/dev/urandom of="$work/run/munge.key" bs=1024 count=1 2> /dev/null
chmod 600 "$work/run/munge.key"
munged --force --key-file="$work/run/munge.key" --socket="$work/run/munge.sock" --pid-file="$work/run/munge.pid" \
    --log-file="$work/run/log/munge.log" --seed-file="$work/run/munge.seed"
slurmctld -c
slurmd -c
for _ in $(seq 50); do
    if sinfo -h -o %t 2> /dev/null | grep -q idle; then break; fi
    sleep 0.2
done

cd "$work"
"$sarx" phantom --out cohort --cases 9 --held-out 3 --matrix small --seed 3 --quiet
"$sarx" study init cohort --out study.toml --quiet
# Two folds of networks that train in seconds.
sed -i -e 's/^folds = 5/folds = 2/' -e 's/^preset = .*/preset = "small"\ntarget_spacing_mm = [9.6, 8.0, 8.0]/' \
    -e 's/^epochs = .*/epochs = 1/' -e 's/^iterations = .*/iterations = 2\nval_iterations = 1/' study.toml
"$sarx" study run study.toml --slurm --json > jobs.json
cat jobs.json
for _ in $(seq 600); do
    if [ -z "$(squeue -h)" ]; then break; fi
    sleep 1
done
if [ -n "$(squeue -h)" ]; then
    squeue
    echo 'the jobs did not end in ten minutes'
    exit 1
fi
"$sarx" study status study.toml
if [ ! -s study-out/report.html ] || [ ! -s study-out/policy.json ]; then
    tail -n 20 study-out/slurm/*.log
    echo 'the study has no report'
    exit 1
fi
# What is done is not done again.
"$sarx" study run study.toml --quiet
echo 'a study ran on Slurm: data, an array of folds, an array of models, report'
