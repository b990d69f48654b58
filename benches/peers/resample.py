"""logits.npy to labels by nnU-Net's resampling and argmax; compared with labels.npy."""

import argparse
import os
from importlib.metadata import version

import numpy as np
import torch
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

from timing import report, rounds


def numbers(text):
    return [float(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, help="folder with logits.npy and labels.npy")
    parser.add_argument("--spacing", type=numbers, default=[5, 0.7, 0.7], help="of the image, mm")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    logits = np.load(os.path.join(args.folder, "logits.npy"))
    labels = np.load(os.path.join(args.folder, "labels.npy"))
    size = labels.shape
    from_mm = [mm * n_to / n_from for mm, n_to, n_from in zip(args.spacing, size, logits.shape[1:])]

    def work():
        resampled = resample_data_or_seg_to_shape(
            logits, size, from_mm, args.spacing, is_seg=False, order=1, order_z=0, force_separate_z=None
        )
        return resampled.argmax(0).astype(np.uint8)

    seconds, found = rounds(work, args.rounds, args.warm_up)
    details = {"voxels_that_differ": int((found != labels).sum()), "voxels": int(labels.size)}
    report(f"nnU-Net {version('nnunetv2')}", [("logits to labels", seconds)], details)


if __name__ == "__main__":
    main()
