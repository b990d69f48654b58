"""Writes augment.json: batchgeneratorsv2 and nnU-Net with given parameters on small arrays.

Run: python make_augment.py        (needs torch, batchgeneratorsv2 and nnunetv2)
Every random draw is replaced by the parameters that are written beside the result.
Arrays are stored flat in C order; images [c, z, y, x], labels [z, y, x].
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform, _compute_kernel_size
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.pseudo2d import Convert2DTo3DTransform, Convert3DTo2DTransform
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size


def flat(array, digits=7):
    values = np.asarray(array).ravel()
    if values.dtype.kind == "f":
        return [float(f"{v:.{digits}g}") for v in values]
    return [int(v) for v in values]


def make_sample(shape, channels, n_labels, seed):
    rng = np.random.default_rng(seed)
    image = np.round(rng.normal(0.3, 1.2, (channels, *shape)), 3).astype(np.float32)
    labels = rng.integers(-1, n_labels, shape).astype(np.int16)
    # blocks of one label beside single voxels, so that both short cuts and disputes occur
    labels[: shape[0] // 2, : shape[1] // 2] = 0
    return image, labels


def spatial(image, labels, patch, angles, scale, in_plane):
    size = patch[1:] if in_plane else patch
    transform = SpatialTransform(
        size, 0, False, p_rotation=1, p_scaling=1, p_synchronize_scaling_across_axes=1,
        rotation=lambda image, dim: angles[0] if in_plane else angles[dim],
        scaling=(scale, scale), bg_style_seg_sampling=False,
        border_mode_seg="constant", padding_value_seg=-1,
    )
    data = {"image": torch.from_numpy(image.copy()), "segmentation": torch.from_numpy(labels[None].copy())}
    if in_plane:
        data = Convert3DTo2DTransform()(**data)
    data = transform(**data)
    if in_plane:
        data = Convert2DTo3DTransform()(**data)
    return {
        "angles_rad": angles, "scale": scale, "in_plane": in_plane, "patch": list(patch),
        "image": flat(data["image"].numpy()), "labels": flat(data["segmentation"].numpy()),
    }


def spatial_cases(name, shape, channels, n_labels, seed, calls):
    image, labels = make_sample(shape, channels, n_labels, seed)
    return {
        "name": name, "shape": [channels, *shape], "image": flat(image), "labels": flat(labels),
        "results": [spatial(image, labels, *call) for call in calls],
    }


def intensity(image):
    def apply(transform, **parameters):
        with torch.no_grad():
            return flat(transform._apply_to_image(torch.from_numpy(image.copy()), **parameters).numpy())

    both = torch.tensor([0, 1])
    factors = [0.8, 1.2]
    blur = []
    for sigmas in ([[0.5, 0.75, 0.95], None], [[1.0, 0.583, 0.6], [0.917, 0.91, 0.52]]):
        given = [s for s in sigmas if s is not None]
        apply_to = torch.tensor([s is not None for s in sigmas])
        out = apply(GaussianBlurTransform((0.5, 1.0)), apply_to_channel=apply_to, sigmas=given)
        blur.append({"sigmas": sigmas, "image": out})
    low = []
    for scales in ([[0.5, 0.5, 0.5], None], [[0.625, 0.625, 0.625], [1.0, 0.8125, 0.8125]],
                   [[0.71875, 0.71875, 0.71875], [0.9375, 0.9375, 0.9375]]):
        apply_to = torch.tensor([i for i, s in enumerate(scales) if s is not None])
        given = torch.tensor([s for s in scales if s is not None])
        transform = SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 0.5)
        low.append({"scales": scales, "image": apply(transform, apply_to_channel=apply_to, scales=given)})
    gamma = []
    for inverted in (False, True):
        for exponents in ([0.7, 1.5], [1.1, 0.85]):
            transform = GammaTransform((0.7, 1.5), float(inverted), False, 1, 1)
            out = apply(transform, apply_to_channel=both, retain_stats=torch.tensor([True, True]),
                        invert_image=torch.tensor([inverted, inverted]), gamma=torch.tensor(exponents))
            gamma.append({"inverted": inverted, "exponents": exponents, "image": out})
    return {
        "shape": list(image.shape), "image": flat(image), "factors": factors,
        "brightness": apply(MultiplicativeBrightnessTransform((0.75, 1.25), False),
                            apply_to_channel=both, multipliers=torch.tensor(factors)),
        "contrast": apply(ContrastTransform((0.75, 1.25), True, False),
                          apply_to_channel=both, multipliers=torch.tensor(factors)),
        "blur": blur, "low_resolution": low, "gamma": gamma,
    }


def deep_supervision(labels):
    results = []
    for strides in ([[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 1, 1]], [[1, 1, 1], [3, 1, 2], [1, 5, 2], [2, 2, 2]]):
        scales = [list(s) for s in 1 / np.cumprod(np.vstack(strides), axis=0)][:-1]
        out = DownsampleSegForDSTransform(scales)._apply_to_segmentation(torch.from_numpy(labels[None].copy()))
        results.append({"strides": strides, "targets": [
            {"shape": list(o.shape[1:]), "labels": flat(o.numpy())} for o in out]})
    return {"shape": list(labels.shape), "labels": flat(labels), "results": results}


def initial_patches():
    patches = [[128, 128, 128], [96, 160, 160], [40, 192, 160], [16, 320, 320], [28, 256, 224], [16, 64, 64],
               [32, 96, 96], [32, 97, 96], [64, 64, 64], [20, 20, 20], [512, 512], [512, 320], [256, 224], [40, 60],
               [40, 61], [340, 340], [17, 340, 340], [56, 320, 256], [112, 128, 80], [4, 4, 4]]
    results = []
    for patch in patches:
        if len(patch) == 2:
            degrees, dummy = (15.0 if max(patch) / min(patch) > 1.5 else 180.0), False
        else:
            dummy = max(patch) / patch[0] > 3
            degrees = 180.0 if dummy else 30.0
        rotation = (-degrees / 360 * 2.0 * np.pi, degrees / 360 * 2.0 * np.pi)
        initial = get_patch_size(patch, rotation, rotation, rotation, (0.85, 1.25))
        if dummy:
            initial[0] = patch[0]
        results.append({"patch": patch, "initial": [int(i) for i in initial]})
    return results


def main():
    torch.set_num_threads(1)
    thirty = math.pi / 6
    golden = {
        "spatial": [
            spatial_cases("volume", (9, 12, 11), 2, 4, 1, [
                ([6, 8, 7], [0.3, -0.2, 0.45], 1.0, False),
                ([6, 8, 7], [0.0, 0.0, 0.0], 0.7, False),
                ([7, 7, 9], [-thirty, thirty, -0.1], 1.37, False),
            ]),
            spatial_cases("two labels inside", (12, 12, 12), 1, 1, 2, [
                ([4, 5, 4], [0.4, 0.1, -0.3], 0.9, False),
                ([9, 8, 9], [0.4, 0.1, -0.3], 1.2, False),
            ]),
            spatial_cases("ties", (8, 16, 8), 1, 4, 3, [
                ([7, 9, 5], [0.0, 0.0, 0.0], 1.0, False),
                ([7, 13, 9], [math.pi, 0.0, 0.0], 1.0, False),
                ([8, 9, 6], [0.0, 0.0, 0.0], 1.5, False),
            ]),
            spatial_cases("slices", (4, 13, 12), 2, 4, 4, [
                ([4, 8, 9], [2.1, 0.0, 0.0], 1.0, True),
                ([4, 8, 9], [-2.9, 0.0, 0.0], 0.73, True),
                ([4, 8, 9], [0.0, 0.0, 0.0], 1.39, True),
            ]),
            spatial_cases("flat", (1, 16, 16), 1, 3, 5, [
                ([1, 11, 9], [0.7, 0.0, 0.0], 1.3, True),
                ([1, 9, 9], [math.pi, 0.0, 0.0], 1.0, True),
            ]),
        ],
        "intensity": intensity(make_sample((6, 9, 8), 2, 2, 6)[0]),
        "deep_supervision": deep_supervision(make_sample((7, 10, 12), 1, 5, 7)[1]),
        "kernel_lengths": [[s / 1000, _compute_kernel_size(s / 1000, truncate=6)] for s in range(500, 1001, 4)],
        "initial_patches": initial_patches(),
    }
    path = Path(__file__).with_name("augment.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
