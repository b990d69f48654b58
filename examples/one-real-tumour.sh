#!/usr/bin/env bash
# The whole way with one image and its mask; see one-real-tumour.md.
# Usage: one-real-tumour.sh IMAGE LABEL OUT   (SARX=path of the binary, default: sarx)
set -euo pipefail
image=$1 label=$2 out=$3
sarx=${SARX:-sarx}
dataset=$out/Dataset001_OneTumour

mkdir -p "$dataset/imagesTr" "$dataset/labelsTr"
cp "$image" "$dataset/imagesTr/brain1_0000.nrrd"
cp "$label" "$dataset/labelsTr/brain1.nrrd"
cat > "$dataset/dataset.json" <<'JSON'
{
    "channel_names": { "0": "T1" },
    "labels": { "background": 0, "tumour": 1 },
    "numTraining": 1,
    "file_ending": ".nrrd"
}
JSON

"$sarx" verify "$dataset"
"$sarx" plan "$dataset" --out "$out/preprocessed" --preset small \
    --target-spacing 6.5,1.953125,1.953125 --gpu-memory-gb 0.3
"$sarx" preprocess "$dataset" --plans "$out/preprocessed/sarxSmallPlans.json" --out "$out/preprocessed"
"$sarx" train "$out/preprocessed" --plans sarxSmallPlans --fold all --out "$out/model" \
    --epochs 30 --iterations 40 --val-iterations 2 --initial-lr 0.05 --no-validation
"$sarx" predict --model "$out/model" --input "$dataset/imagesTr" --output "$out/predictions"
"$sarx" evaluate --reference "$dataset/labelsTr" --prediction "$out/predictions" \
    --out "$out/predictions/summary.json" --json
