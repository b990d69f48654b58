"""Makes the pickles beside it: case properties as nnU-Net keeps them, in three protocols.

Run with NumPy 2 and PyTorch; the files do not change from run to run.
"""
import pickle
from collections import OrderedDict

import numpy as np
import torch

properties = {
    "spacing": [np.float64(5.0), np.float64(1.25), np.float32(1.25)],
    "shape_before_cropping": (28, 128, 128),
    "bbox_used_for_cropping": [[0, 28], [np.int64(3), 100], [0, 2**40]],
    "class_locations": {
        1: np.array([[0, 1, 2, 3], [0, -4, 5, 6]], dtype=np.int64),
        (1, 2): [],
    },
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">i4"),
    "flags": np.array([True, False]),
    "half": np.float16(0.5),
    "set": {7},
    "ordered": OrderedDict([("z", None), ("a", b"\x00\xff")]),
}
for protocol in (2, 4, 5):
    with open(f"properties_{protocol}.pkl", "wb") as file:
        pickle.dump(properties, file, protocol=protocol)

base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
torch.save(
    {
        "whole": base,
        "transposed": base.permute(2, 0, 1),
        "part": base[1, 1:, ::2],
        "half": base[0, 0].to(torch.float16),
        "bfloat16": base[0, 0].to(torch.bfloat16),
        "double": base[0, 0].double() / 4,
        "long": torch.tensor([[-1, 2**40]]),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(base[0]),
        "device": torch.device("cuda", 1),
        "size": base.shape,
    },
    "tensors.pth",
)
