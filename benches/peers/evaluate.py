"""Dice, ASSD and HD95 of reference.nii.gz and prediction.nii.gz by other programs.

Files are read before the clock starts. MedPy's HD95 pools both directions, MONAI's and sarx's is the larger
directed percentile, DeepMind's weighs pieces of surface by area.
"""

import argparse
import os
import warnings
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

from timing import report, rounds

warnings.filterwarnings("ignore")


def read(folder, name):
    image = sitk.ReadImage(os.path.join(folder, name))
    return sitk.GetArrayFromImage(image) == 1, tuple(image.GetSpacing()[::-1])


def medpy(reference, prediction, spacing):
    from medpy.metric import binary

    def work():
        return {
            "dice": binary.dc(prediction, reference),
            "assd_mm": binary.assd(prediction, reference, spacing),
            "hd95_pooled_mm": binary.hd95(prediction, reference, spacing),
        }

    return work


def monai(reference, prediction, spacing):
    import torch
    from monai import metrics

    reference, prediction = (
        torch.from_numpy(mask)[None, None].float() for mask in (reference, prediction)
    )

    def work():
        shared = {"include_background": True, "spacing": spacing}
        return {
            "dice": metrics.compute_dice(prediction, reference).item(),
            "assd_mm": metrics.compute_average_surface_distance(
                prediction, reference, symmetric=True, **shared
            ).item(),
            "hd95_mm": metrics.compute_hausdorff_distance(
                prediction, reference, percentile=95, **shared
            ).item(),
        }

    return work


def deepmind(reference, prediction, spacing):
    import surface_distance as sd

    def work():
        distances = sd.compute_surface_distances(reference, prediction, spacing)
        return {
            "dice": float(sd.compute_dice_coefficient(reference, prediction)),
            "means_area_weighted_mm": [
                float(mean) for mean in sd.compute_average_surface_distance(distances)
            ],
            "hd95_area_weighted_mm": float(sd.compute_robust_hausdorff(distances, 95)),
        }

    return work


PEERS = {
    "medpy": (medpy, "MedPy", "MedPy"),
    "monai": (monai, "MONAI", "monai"),
    "deepmind": (deepmind, "DeepMind surface-distance", "surface-distance"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", required=True, help="folder with the two masks")
    parser.add_argument("--peer", required=True, choices=PEERS)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    make, name, package = PEERS[args.peer]
    if args.peer == "monai":
        import torch

        torch.set_num_threads(args.threads)
    reference, spacing = read(args.pair, "reference.nii.gz")
    prediction, _ = read(args.pair, "prediction.nii.gz")
    # The header holds the spacing in 32 bits.
    spacing = tuple(round(float(mm), 6) for mm in spacing)
    work = make(np.ascontiguousarray(reference), np.ascontiguousarray(prediction), spacing)
    seconds, scores = rounds(work, args.rounds, args.warm_up)
    report(f"{name} {version(package)}", [("Dice, ASSD, HD95", seconds)], {"scores": scores})


if __name__ == "__main__":
    main()
