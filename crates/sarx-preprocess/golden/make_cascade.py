"""Writes cascade.json: batchgeneratorsv2's transforms of a cascade's previous stage with given parameters.

Run: python make_cascade.py        (needs torch and batchgeneratorsv2)
Every random draw is replaced by the parameters that are written beside the result.
Masks are strings of 0 and 1 in C order, [label, z, y, x].
"""

import json
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from batchgeneratorsv2.transforms.nnunet import random_binary_operator as rbo
from batchgeneratorsv2.transforms.nnunet.remove_connected_components import (
    RemoveRandomConnectedComponentFromOneHotEncodingTransform,
)
from batchgeneratorsv2.transforms.nnunet.seg_to_onehot import MoveSegAsOneHotToDataTransform
from skimage.morphology import ball

SHAPE = (5, 8, 66)
OPERATORS = {
    "dilation": rbo.binary_dilation_torch,
    "erosion": rbo.binary_erosion_torch,
    "closing": rbo.binary_closing_torch,
    "opening": rbo.binary_opening_torch,
}


def text(array):
    return "".join("1" if v else "0" for v in np.asarray(array).ravel())


def labels():
    rng = np.random.default_rng(11)
    z, y, x = np.indices(SHAPE)
    found = np.zeros(SHAPE, np.int16)
    for label, centre, radius in ((1, (2, 3, 12), 4.2), (2, (2, 4, 20), 4.6), (1, (2, 3, 45), 3.1), (2, (3, 5, 60), 2.3)):
        found[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= radius**2] = label
    speckle = rng.random(SHAPE)
    found[speckle < 0.01] = 1
    found[speckle > 0.99] = 2
    found[:, :, :2] = -1
    return found


def one_hot(previous):
    image = torch.zeros((1, *SHAPE))
    data = {"image": image, "segmentation": torch.from_numpy(np.stack([previous, previous]))}
    return MoveSegAsOneHotToDataTransform(1, [1, 2]).apply(data)["image"][1:]


def morphology(masks):
    results = []
    for name, operator in OPERATORS.items():
        for radius in (1.0, 1.9, 2.5, 3.3, 4.0):
            for label in (0, 1):
                transform = rbo.ApplyRandomBinaryOperatorTransform(channel_idx=[-2, -1], strel_size=(1, 8), p_per_label=0.5)
                out = transform._apply_to_image(
                    masks.clone(), apply_to_channels=[label - 2], operators=[operator], strel_size=[radius])
                results.append({"operator": name, "radius": radius, "label": label, "masks": text(out.numpy())})
    return results


def removals(masks):
    results = []
    for label in (0, 1):
        for place in (0.0, 0.4, 0.8):
            transform = RemoveRandomConnectedComponentFromOneHotEncodingTransform(
                channel_idx=[-2, -1], fill_with_other_class_p=0, dont_do_if_covers_more_than_x_percent=0.15, p_per_label=0.5)
            with mock.patch.object(np.random, "choice", lambda ids, place=place: ids[int(place * len(ids))]):
                out = transform._apply_to_image(masks.clone(), apply_to_channels=[label - 2])
            results.append({"label": label, "place": place, "masks": text(out.numpy())})
    return results


def balls():
    # Ends of a row may fall off by rounding, so radii are many.
    found = []
    for radius in (1.0, 1.3, 1.5, 1.77, 2.0, 2.2, 2.49, 2.5, 3.1, 3.75, 4.9, 6.123456, 7.3, 7.999):
        found.append({"radius": radius, "voxels": int(ball(radius, dtype=bool).sum()),
                      "rows": [int(n) for n in ball(radius, dtype=bool).sum(axis=2).ravel() if n]})
    return found


def main():
    torch.set_num_threads(1)
    previous = labels()
    masks = one_hot(previous)
    golden = {
        "shape": list(SHAPE), "previous": [int(v) for v in previous.ravel()], "masks": text(masks.numpy()),
        "morphology": morphology(masks), "removals": removals(masks), "balls": balls(),
    }
    path = Path(__file__).with_name("cascade.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
