#!/usr/bin/env bash
# Models go from sarx to nnU-Net and from nnU-Net to sarx; both programs predict, and the
# segmentations are compared voxel by voxel. Not part of the tests: it needs Python with nnunetv2.
#
# Usage: nnunet-both-ways.sh DATASET OUT [NNUNET_FOLDER]
#   DATASET        raw dataset with imagesTr, labelsTr, imagesTs
#   OUT            folder for everything that is made; must not exist
#   NNUNET_FOLDER  a folder that nnU-Net trained for such images: predicted in place by both
# SARX=path of the binary (default: sarx), PYTHON=python with nnunetv2 (default: python3),
# EPOCHS and ITERATIONS of the small trainings (default: 3 of 8), PRESETS (default: small resenc),
# CONFIGURATION (default: 3d_fullres)
set -euo pipefail
dataset=$1 out=$2 theirs=${3:-}
sarx=${SARX:-sarx} python=${PYTHON:-python3}
nnunet_predict=$(dirname "$(command -v "$python")")/nnUNetv2_predict_from_modelfolder
images=$dataset/imagesTs configuration=${CONFIGURATION:-3d_fullres}
mkdir "$out"
# nnU-Net wants these names, although nothing here uses them.
export nnUNet_raw=$out nnUNet_preprocessed=$out nnUNet_results=$out

# Prints, per case, in how many voxels two folders of segmentations differ.
compare() {
    "$python" - "$1" "$2" "$3" <<'PY'
import sys
from pathlib import Path
import numpy as np
import SimpleITK as sitk

title, ours, theirs = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
files = sorted(theirs.glob("*.nii.gz"))
assert files and [f.name for f in files] == [f.name for f in sorted(ours.glob("*.nii.gz"))]
for file in files:
    a, b = (sitk.GetArrayFromImage(sitk.ReadImage(str(p / file.name))) for p in (ours, theirs))
    assert a.shape == b.shape
    both, total = np.sum((a > 0) & (b > 0)), np.sum(a > 0) + np.sum(b > 0)
    dice = 2 * both / total if total else 1.0
    print(f"{title:34} {file.name[:-7]:12} {np.sum(a != b):6} of {a.size} voxels differ, "
          f"Dice {dice:.6f}, foreground {np.sum(b > 0)}")
PY
}

# Predicts with a model of sarx and with its twin of nnU-Net, with and without mirroring.
both() { # TITLE SARX_MODEL NNUNET_MODEL FOLDER
    local title=$1 ours=$2 twin=$3 folder=$4
    for mirroring in with without; do
        local flag=() tta=()
        if [ "$mirroring" = without ]; then flag=(--no-mirroring) tta=(--disable_tta); fi
        "$sarx" --quiet predict --model "$ours" --input "$images" --output "$folder/sarx_$mirroring" \
            --folds 0 "${flag[@]}"
        "$nnunet_predict" -i "$images" -o "$folder/nnunet_$mirroring" -m "$twin" -f 0 -device cpu \
            -npp 1 -nps 1 --disable_progress_bar "${tta[@]}" > "$folder/nnunet_$mirroring.log" 2>&1
        compare "$title, $mirroring mirroring" "$folder/sarx_$mirroring" "$folder/nnunet_$mirroring"
    done
}

# A small training of a plain or a residual-encoder network.
train() { # PRESET FOLDER
    local preset=$1 folder=$2 plans=sarxSmallPlans
    "$sarx" --quiet plan "$dataset" --out "$folder/pp" --preset small
    if [ "$preset" = resenc ]; then
        # The planned residual encoders are too large for a CPU: the small plans with its encoder.
        plans=sarxSmallResEncPlans
        "$python" - "$folder/pp" <<'PY'
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
plans = json.loads((folder / "sarxSmallPlans.json").read_text())
plans["plans_name"] = "sarxSmallResEncPlans"
for name, configuration in plans["configurations"].items():
    if "architecture" in configuration:
        architecture = configuration["architecture"]
        architecture["network_class_name"] = (
            "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet")
        arguments = architecture["arch_kwargs"]
        del arguments["n_conv_per_stage"]
        blocks = [1, 3, 4, 6, 6, 6, 6, 6]
        arguments["n_blocks_per_stage"] = blocks[: arguments["n_stages"]]
        arguments["n_conv_per_stage_decoder"] = [1] * (arguments["n_stages"] - 1)
(folder / "sarxSmallResEncPlans.json").write_text(json.dumps(plans, indent=4))
PY
    fi
    "$sarx" --quiet preprocess "$dataset" --plans "$folder/pp/$plans.json" --configuration "$configuration" \
        --out "$folder/pp"
    "$sarx" --quiet train "$folder/pp" --plans "$plans" --configuration "$configuration" --fold 0 \
        --out "$folder/model" \
        --epochs "${EPOCHS:-3}" --iterations "${ITERATIONS:-8}" --val-iterations 2 --no-validation
}

for preset in ${PRESETS:-small resenc}; do
    folder=$out/$preset
    mkdir "$folder"
    train "$preset" "$folder"
    "$sarx" model export "$folder/model" --out "$folder/exported"
    "$sarx" model show "$folder/exported"
    both "sarx $preset, exported" "$folder/model" "$folder/exported" "$folder"
done

if [ -n "$theirs" ]; then
    mkdir "$out/theirs"
    # nnU-Net wants the class of the trainer, which need not be installed here: its own will do to predict.
    "$sarx" model import "$theirs" --out "$out/theirs/imported"
    "$sarx" model export "$out/theirs/imported" --out "$out/theirs/again" --trainer-name nnUNetTrainer
    both "nnU-Net, in place" "$theirs" "$out/theirs/again" "$out/theirs"
fi
