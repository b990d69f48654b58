#!/usr/bin/env bash
# Times sarx and other programs on the same work, in turn, and writes benches/RESULTS.md.
#
#   benches/run.sh                      every row
#   benches/run.sh evaluate resample    these rows; the others of the table stay as they were
#
# Set by environment:
#   SARX      the binary                                        [target/release/sarx]
#   PYTHON    a Python with nnunetv2, torch, medpy, monai, surface-distance, SimpleITK   [python3]
#   THREADS   threads of every program                          [2]
#   TURNS     how often the programs take turns                 [3]
#   DATASET   a raw dataset of nnU-Net, for the row preprocess  [shared/oracle/t1_axial/raw]
#   TABLES    the example that makes the tables of a made-up study   [target/release/examples/made_up_study]
#   SCORED    a folder of made-up cases, kept between calls; 300 take 20 MB   [$OUT/scored]
#   MODEL     a model folder of nnU-Net, for the row predict    [shared/oracle/t1_axial/model]
#   IMAGES    images for it; the first case is predicted        [$DATASET/imagesTs]
#   OUT       where measurements are kept between calls         [target/benches]
#   RESULTS   the file with the tables                          [benches/RESULTS.md]
set -euo pipefail
cd "$(dirname "$0")/.."

SARX=${SARX:-target/release/sarx}
PYTHON=${PYTHON:-python3}
THREADS=${THREADS:-2}
TURNS=${TURNS:-3}
SHARED=shared
[ -d "$SHARED" ] || SHARED=../shared
DATASET=${DATASET:-$SHARED/oracle/t1_axial/raw}
MODEL=${MODEL:-$SHARED/oracle/t1_axial/model}
IMAGES=${IMAGES:-$DATASET/imagesTs}
OUT=${OUT:-target/benches}
TABLES=${TABLES:-target/release/examples/made_up_study}
SCORED=${SCORED:-$OUT/scored}
RESULTS=${RESULTS:-benches/RESULTS.md}

SARX=$(realpath "$SARX")
PYTHON=$(command -v "$PYTHON")
# nnU-Net's commands lie beside the interpreter.
PATH=$(dirname "$PYTHON"):$PATH
PEERS=benches/peers
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# turns ROW TITLE WHAT OURS [--peer AIM=COMMAND ..]
turns() {
    local row=$1 title=$2 what=$3 ours=$4
    shift 4
    "$PYTHON" $PEERS/turns.py --row "$row" --title "$title" --what "$what" --turns "$TURNS" --out "$OUT" \
        --ours "$ours" "$@"
}

ours() { echo "$SARX --json --quiet --threads $THREADS bench $*"; }
theirs() { echo "$PYTHON $PEERS/$* --threads $THREADS"; }

# forward ROW TITLE NETWORK PATCH ROUNDS AIM_F32 AIM_BF16
forward() {
    local inputs=$WORK/$1 line="net --network $3 --patch $4 --pass forward"
    $(ours "$line" --rounds 1 --warm-up 0 --write-inputs "$inputs") >"$WORK/written.json"
    local peer="net.py --inputs $inputs --network $3 --pass forward --rounds $5 --dtype"
    turns "$1" "$2" forward "$(ours "$line" --rounds "$5")" \
        --peer "$6=$(theirs "$peer" f32)" --peer "$7=$(theirs "$peer" bf16)"
    rm -r "$inputs"
}

row_net_64() { forward net_64 "forward of the plain U-Net, 64 x 64 x 64, f32" plain 64,64,64 5 4 1; }
row_net_128() { forward net_128 "forward of the plain U-Net, 128 x 128 x 128, f32" plain 128,128,128 1 4 1; }
row_net_anisotropic() {
    forward net_anisotropic "forward of the anisotropic U-Net, 40 x 224 x 192, f32" anisotropic 40,224,192 1 3 ""
}

row_step_64() {
    local inputs=$WORK/step line="net --network plain --patch 64,64,64"
    $(ours "$line" --pass forward --rounds 1 --warm-up 0 --write-inputs "$inputs") >"$WORK/written.json"
    turns step_64 "training step of the plain U-Net, 64 x 64 x 64, f32" "training step" \
        "$(ours "$line" --pass step --rounds 3)" \
        --peer "2.5=$(theirs net.py --inputs "$inputs" --pass step --rounds 3)"
}

# resampling ROW TITLE LOGITS
resampling() {
    local line="resample --from 40,224,192 --to 60,512,512 --spacing 5,0.7,0.7 --classes 2 --logits $3"
    $(ours "$line" --rounds 1 --write-inputs "$WORK/$1") >"$WORK/written.json"
    turns "$1" "$2" "logits to labels" "$(ours "$line" --rounds 5)" \
        --peer "20=$(theirs resample.py --folder "$WORK/$1" --spacing 5,0.7,0.7 --warm-up 1)"
}

row_resample() {
    resampling resample "logits of 2 classes, 40 x 224 x 192, to labels, 60 x 512 x 512" blobs
}
row_resample_noise() { resampling resample_noise "the same of noise: the labels compete everywhere" noise; }

row_evaluate() {
    local line="evaluate --size 60,512,512 --spacing 5,0.7,0.7 --volume-ml 300"
    $(ours "$line" --rounds 1 --write-inputs "$WORK/pair") >"$WORK/written.json"
    local peer="evaluate.py --pair $WORK/pair --peer"
    turns evaluate "Dice, ASSD and HD95 of two masks, 60 x 512 x 512, 300 ml" "Dice, ASSD, HD95" \
        "$(ours "$line" --rounds 9)" \
        --peer "100=$(theirs "$peer" medpy)" \
        --peer "4=$(theirs "$peer" monai --rounds 3 --warm-up 1)" \
        --peer "1.5=$(theirs "$peer" deepmind --rounds 3 --warm-up 1)"
}

row_scores() {
    local line="scores $SCORED --warm-up 0"
    $(ours "$line" --first 1 --rounds 1) >"$WORK/written.json"
    turns scores "scores of 10 pairs of 40 x 512 x 512, from files to scores.csv" "files to scores.csv" \
        "$(ours "$line" --first 10 --rounds 5)" \
        --peer "20=$(theirs scores.py --folder "$SCORED" --first 10 --peer medpy)" \
        --peer "2=$(theirs scores.py --folder "$SCORED" --first 10 --peer deepmind)"
}

# The issue's limits: 300 patients in 5 minutes; 7 models of them are 2100 pairs, which has no limit of its own.
row_scores_300() {
    local line="scores $SCORED --warm-up 0"
    turns scores_300 "scores of 300 pairs of 40 x 512 x 512, from files to scores.csv" "files to scores.csv" \
        "$(ours "$line" --rounds 1)" --limit-s 300
}

row_study_tables() {
    local out=$WORK/tables
    turns study_tables "tables, policy and report of 300 patients and 7 models from their scores" "whole process" \
        "$(process "$("$SARX" --version)" "rm -rf $out; exec $TABLES $out --patients 300 --models 7")" \
        --limit-s 30 --limit-mb 1000
}

nnunet_version() { "$PYTHON" -c 'from importlib.metadata import version; print("nnU-Net", version("nnunetv2"))'; }

# process NAME COMMAND: whole processes in a shell, wall time and memory
process() { echo "$PYTHON $PEERS/process.py --name '$1' -- sh -c '$2'"; }

row_preprocess() {
    local raw=$WORK/raw pre=$WORK/pre ours=$WORK/ours plans
    plans=$ours/nnUNetPlans.json
    mkdir -p "$raw" "$pre" "$WORK/results"
    cp -r "$DATASET" "$raw/Dataset101_Bench"
    export nnUNet_raw=$raw nnUNet_preprocessed=$pre nnUNet_results=$WORK/results
    local data=$raw/Dataset101_Bench run="$SARX -q --threads $THREADS"
    local nnunet="nnUNetv2_extract_fingerprint -d 101 -np $THREADS --clean && nnUNetv2_plan_experiment -d 101 \
        && OMP_NUM_THREADS=1 nnUNetv2_preprocess -d 101 -c 3d_fullres -np $THREADS"
    turns preprocess "fingerprint, plans and preprocessing of $(basename "$(dirname "$DATASET")"), processes" \
        "whole process" \
        "$(process "$("$SARX" --version)" "rm -rf $ours; $run plan $data --out $ours && $run preprocess $data \
            --plans $plans --configuration 3d_fullres --out $ours")" \
        --peer "30=$(process "$(nnunet_version)" "rm -rf $pre/*; $nnunet")"
}

row_predict() {
    local case=$WORK/case first stem
    mkdir -p "$case" "$WORK/raw" "$WORK/pre" "$WORK/results"
    first=$(find "$IMAGES" -name '*_0000.*' | sort | head -n 1)
    stem=${first%_0000.*}
    cp "$stem"_* "$case"
    export nnUNet_raw=$WORK/raw nnUNet_preprocessed=$WORK/pre nnUNet_results=$WORK/results
    "$PYTHON" $PEERS/external_trainer.py --model "$MODEL" --folder "$WORK/trainers"
    export nnUNet_extTrainer=$WORK/trainers
    local ours="$SARX -q --threads $THREADS predict --model $MODEL --input $case --output $WORK/ours --folds 0"
    local theirs="nnUNetv2_predict_from_modelfolder -m $MODEL -i $case -o $WORK/theirs -f 0 -device cpu"
    turns predict "one case with mirroring, process start to file written" "whole process" \
        "$(process "$("$SARX" --version)" "rm -rf $WORK/ours; exec $ours")" \
        --peer "8=$(process "$(nnunet_version)" "rm -rf $WORK/theirs; exec $theirs")"
}

ALL="net_64 net_128 net_anisotropic step_64 predict preprocess resample resample_noise evaluate scores scores_300 study_tables"
for row in ${*:-$ALL}; do
    case " $ALL " in
    *" $row "*) "row_$row" ;;
    *)
        echo "there is no row \"$row\"; the rows are: $ALL" >&2
        exit 2
        ;;
    esac
done
"$PYTHON" $PEERS/table.py "$OUT" --threads "$THREADS" >"$WORK/RESULTS.md"
# What was measured by other means stays.
if [ -f "$RESULTS" ]; then
    { echo; sed -n '/^## Measured apart/,$p' "$RESULTS"; } >>"$WORK/RESULTS.md"
fi
mv "$WORK/RESULTS.md" "$RESULTS"
echo "$RESULTS" >&2
