"""Writes slices.json: the transforms that look at neighbours, on 2D patches, with given parameters.

Run: python make_slices.py        (needs torch and batchgeneratorsv2)
Every random draw is replaced by the parameters that are written beside the result.
Arrays are flat in C order; images [c, y, x], labels [y, x]; parameters per axis are y, x.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform

SHAPE = (15, 13)


def flat(array):
    values = np.asarray(array).ravel()
    if values.dtype.kind == "f":
        return [float(f"{v:.7g}") for v in values]
    return [int(v) for v in values]


def spatial(image, labels, patch, angle, scale):
    transform = SpatialTransform(
        patch, 0, False, p_rotation=1, p_scaling=1, p_synchronize_scaling_across_axes=1,
        # Two angles are drawn and the second counts.
        rotation=lambda image, dim: angle if dim == 1 else 9.0,
        scaling=(scale, scale), bg_style_seg_sampling=False, border_mode_seg="constant", padding_value_seg=-1)
    data = transform(image=torch.from_numpy(image.copy()), segmentation=torch.from_numpy(labels[None].copy()))
    return {"patch": list(patch), "angle_rad": angle, "scale": scale,
            "image": flat(data["image"].numpy()), "labels": flat(data["segmentation"].numpy())}


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(8)
    image = np.round(rng.normal(0.3, 1.2, (2, *SHAPE)), 3).astype(np.float32)
    labels = rng.integers(-1, 3, SHAPE).astype(np.int16)
    labels[:7, :6] = 0
    tensor = torch.from_numpy(image)
    both = torch.tensor([0, 1])
    blur = []
    for sigmas in ([[0.5, 0.95], [0.75, 0.6]], [[1.0, 0.583], [0.917, 0.52]]):
        out = GaussianBlurTransform((0.5, 1.0))._apply_to_image(
            tensor.clone(), apply_to_channel=torch.tensor([True, True]), sigmas=sigmas)
        blur.append({"sigmas": sigmas, "image": flat(out.numpy())})
    low = []
    for scales in ([0.5, 0.8125], [0.71875, 0.9375]):
        transform = SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 0.5)
        out = transform._apply_to_image(
            tensor.clone(), apply_to_channel=both, scales=torch.tensor([[s, s] for s in scales]))
        low.append({"scales": scales, "image": flat(out.numpy())})
    mirror = []
    for axes in ([0], [1], [0, 1]):
        out = MirrorTransform((0, 1))._apply_to_segmentation(torch.from_numpy(labels[None].copy()), axes=axes)
        mirror.append({"axes": axes, "labels": flat(out.numpy())})
    strides = [[1, 1], [2, 2], [2, 1], [2, 2]]
    scales = [list(s) for s in 1 / np.cumprod(np.vstack(strides), axis=0)][:-1]
    targets = DownsampleSegForDSTransform(scales)._apply_to_segmentation(torch.from_numpy(labels[None].copy()))
    golden = {
        "shape": list(SHAPE), "image": flat(image), "labels": flat(labels), "blur": blur, "low_resolution": low,
        "mirror": mirror,
        "spatial": [spatial(image, labels, *call) for call in (
            ((9, 8), 2.1, 1.0), ((9, 8), -0.2, 0.73), ((8, 9), 0.0, 1.39), ((9, 9), math.pi, 1.0))],
        "strides": strides,
        "targets": [{"shape": list(t.shape[1:]), "labels": flat(t.numpy())} for t in targets],
    }
    path = Path(__file__).with_name("slices.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
