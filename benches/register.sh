#!/usr/bin/env bash
# Registers pairs after known motions with sarx and with SimpleITK, pair by pair in turn, and writes the section
# "Registration" of benches/RESULTS.md.
#
#   benches/register.sh                 every pair
#   benches/register.sh knee neck       these; the figures of the others are those of the last time
#
# Set by environment:
#   PYTHON    a Python with SimpleITK and numpy                 [python3]
#   THREADS   threads of both programs                          [2]
#   MOTIONS   motions of each pair                              [6]
#   OUT       where figures are kept between calls              [target/benches-register]
#   RESULTS   the file with the section                         [benches/RESULTS.md]
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
THREADS=${THREADS:-2}
MOTIONS=${MOTIONS:-6}
OUT=${OUT:-target/benches-register}
RESULTS=${RESULTS:-benches/RESULTS.md}
export RAYON_NUM_THREADS=$THREADS

cargo build --release --locked -p sarx-register --example recovery
mkdir -p "$OUT"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

[ $# -gt 0 ] || set -- 'phantom 0' 'phantom 1' 'phantom 2' neck knee
for only in "$@"; do
    name=${only// /}
    target/release/examples/recovery --json --motions "$MOTIONS" --only "$only" --write "$WORK/pairs" >"$WORK/ours"
    "$PYTHON" benches/peers/register.py --folder "$WORK/pairs" --threads "$THREADS" >"$WORK/theirs"
    mv "$WORK/ours" "$OUT/$name.sarx.json"
    mv "$WORK/theirs" "$OUT/$name.peer.json"
    rm -r "$WORK/pairs"
done
"$PYTHON" benches/peers/register_table.py "$OUT" --threads "$THREADS" --results "$RESULTS"
echo "$RESULTS" >&2
