"""Scores of the first cases of a folder of segmentations by other programs, from files to a table of scores.

The folder is one of `sarx bench scores`: references/ and predictions/ with files of one name. Reading is timed, because
a study reads as well. MedPy: Dice, precision, recall, ASSD, HD95 (of both directions pooled). DeepMind: Dice, means,
HD95 and surface Dice at 2 mm, weighted by area. Neither counts lesions, and both are asked for no more than that.
"""

import argparse
import csv
import os
import tempfile
import warnings
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

from timing import report, rounds

warnings.filterwarnings("ignore")

ENDING = ".nii.gz"


def read(path):
    image = sitk.ReadImage(path)
    # The header holds the spacing in 32 bits.
    spacing = tuple(round(float(mm), 6) for mm in image.GetSpacing()[::-1])
    return sitk.GetArrayFromImage(image) == 1, spacing


def medpy(reference, prediction, spacing):
    from medpy.metric import binary

    return {
        "dice": binary.dc(prediction, reference),
        "precision": binary.precision(prediction, reference),
        "recall": binary.recall(prediction, reference),
        "assd_mm": binary.assd(prediction, reference, spacing),
        "hd95_pooled_mm": binary.hd95(prediction, reference, spacing),
    }


def deepmind(reference, prediction, spacing):
    import surface_distance as sd

    distances = sd.compute_surface_distances(reference, prediction, spacing)
    means = sd.compute_average_surface_distance(distances)
    return {
        "dice": float(sd.compute_dice_coefficient(reference, prediction)),
        "mean_ref_to_pred_area_weighted_mm": float(means[0]),
        "mean_pred_to_ref_area_weighted_mm": float(means[1]),
        "hd95_area_weighted_mm": float(sd.compute_robust_hausdorff(distances, 95)),
        "nsd_2mm_area_weighted": float(sd.compute_surface_dice_at_tolerance(distances, 2.0)),
    }


PEERS = {
    "medpy": (medpy, "MedPy", "medpy"),
    "deepmind": (deepmind, "DeepMind surface-distance", "surface-distance"),
}


def rows_of(folder, names, score):
    for name in names:
        pair = [os.path.join(folder, part, name) for part in ("references", "predictions")]
        if not os.path.exists(pair[1]):
            continue
        (reference, spacing), (prediction, _) = map(read, pair)
        # Neither peer has a distance to an empty mask.
        if reference.any() and prediction.any():
            yield {"case": name.removesuffix(ENDING), **score(reference, prediction, spacing)}


def peak_memory_bytes():
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--peer", required=True, choices=PEERS)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    score, name, package = PEERS[args.peer]
    files = sorted(os.listdir(os.path.join(args.folder, "references")))[: args.first]
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(args.threads)

    def work():
        rows = list(rows_of(args.folder, files, score))
        with tempfile.TemporaryFile("w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys())
            table.writeheader()
            table.writerows(rows)
        return rows

    seconds, rows = rounds(work, args.rounds, args.warm_up)
    means = {
        f"mean_{column}": float(np.mean([row[column] for row in rows]))
        for column in rows[0]
        if column != "case"
    }
    scores = {"cases": len(files), "finite": len(rows), **means}
    details = {"scores": scores, "peak_memory_bytes": peak_memory_bytes()}
    report(f"{name} {version(package)}", [("files to scores.csv", seconds)], details)


if __name__ == "__main__":
    main()
