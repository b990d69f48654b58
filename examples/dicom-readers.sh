#!/usr/bin/env bash
# The same DICOM series through sarx, dcm2niix and SimpleITK: same voxels, affine within 1e-4 mm per
# entry; segmentations through sarx and highdicom; a structure set through sarx and rt-utils.
# Not part of the tests: it needs dcm2niix, DCMTK, and Python with SimpleITK, nibabel, highdicom and rt-utils.
#
# Usage: dicom-readers.sh DATA OUT
#   DATA  folder with knee_sagittal_dicom, mr_transfer_syntaxes, dicom_seg and rtstruct
#   OUT   folder for everything that is made; must not exist
# VOLUMES=path of the example dicom_volumes (default: built here), PYTHON=python (default: python3)
set -euo pipefail
data=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
volumes=${VOLUMES:-}
if [ -z "$volumes" ]; then
    (cd "$here/.." && cargo build -q --release -p sarx-dicom --example dicom_volumes)
    volumes=$here/../target/release/examples/dicom_volumes
fi
mkdir "$out"

# One folder per series: what is compared, and a name for it.
series() {
    local name=$1
    shift
    mkdir -p "$out/$name/in" "$out/$name/sarx" "$out/$name/dcm2niix"
    cp "$@" "$out/$name/in"
    "$volumes" "$out/$name/in" "$out/$name/sarx" keep > "$out/$name/sarx.txt"
    dcm2niix -b n -z n -f '%s_%d' -o "$out/$name/dcm2niix" "$out/$name/in" > "$out/$name/dcm2niix.txt" 2>&1 || true
}

series knee_echo1 "$data"/knee_sagittal_dicom/echo1/*
series knee_echo7 "$data"/knee_sagittal_dicom/echo7/*
series ct "$data"/dicom_seg/ct-3slice/*
series rt_ct "$data"/rtstruct/ct_*.dcm
series rt_oriented "$data"/rtstruct/oriented/*
for syntax in "$data"/mr_transfer_syntaxes/MR_small*.dcm; do
    series "$(basename "$syntax" .dcm)" "$syntax"
done
# One knee slice packed by DCMTK: the decoders against its plain pixels.
# The values are not negative, so calling them unsigned changes none; DCMTK packs signed ones only losslessly.
slice=$out/slice.dcm
dcmconv +te "$data/knee_sagittal_dicom/echo1/E3655S8I097.MR.dcm" "$slice"
dcmodify -nb -m PixelRepresentation=0 "$slice"
pack() {
    mkdir -p "$out/packed/$1" "$out/packed_volumes/$1"
    local name=$1
    shift
    "$@" "$slice" "$out/packed/$name/slice.dcm"
    "$volumes" "$out/packed/$name" "$out/packed_volumes/$name" keep > "$out/packed_volumes/$name.txt"
}
pack plain dcmconv +te
pack rle dcmcrle
pack jpeg_lossless_sv1 dcmcjpeg +e1
pack jpeg_lossless dcmcjpeg +el +sv 6
pack jpeg_ls dcmcjpls
pack jpeg_ls_near dcmcjpls +en +md 3
pack deflated dcmconv +td
mkdir -p "$out/segments" "$out/structures"
"$volumes" "$data/dicom_seg" "$out/segments" keep > "$out/segments.txt"
"$volumes" "$data/rtstruct" "$out/structures" keep > "$out/structures.txt"
"$python" "$here/dicom_readers.py" "$data" "$out"
