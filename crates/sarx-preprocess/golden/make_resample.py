"""Writes resample.npz and resample.json: what nnU-Net makes of small arrays.

Run with nnunetv2 2.8.1, batchgenerators 0.25.5, scikit-image 0.26.0, scipy 1.17.1, numpy 2.4.6.
Per case i: `in_i`, `out_i` (f32 images or i16 labels, [z, y, x]); the settings are in the json.
Also `seg` with `locations_*`: foreground locations drawn by nnU-Net's preprocessor.
"""
import json
from pathlib import Path

import numpy as np
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape

FOLDER = Path(__file__).parent
ISO, SAME = ([1.0, 1.0, 1.0], [1.2, 0.9, 1.0]), ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
THICK = ([5.0, 1.0, 1.0], [4.0, 1.2, 1.2])
THICK_Y = ([1.0, 5.0, 1.0], [1.0, 4.0, 1.2])
THICK_X_OUT = ([1.0, 1.0, 1.0], [1.0, 1.0, 4.0])

# input size, output size, spacings, order, order_z, force_separate_z
SETTINGS = [
    ([7, 9, 8], [10, 6, 8], ISO, 3, 0, None),
    ([7, 9, 8], [14, 18, 16], SAME, 3, 0, None),
    ([7, 9, 8], [5, 4, 3], SAME, 3, 0, None),
    ([1, 9, 8], [1, 14, 5], ISO, 3, 0, None),
    ([4, 1, 8], [9, 3, 5], ISO, 3, 0, None),
    ([6, 9, 8], [10, 7, 11], THICK, 3, 0, None),
    ([9, 6, 8], [9, 4, 11], THICK_Y, 3, 0, None),
    ([5, 6, 8], [5, 6, 2], THICK_X_OUT, 3, 0, None),
    ([6, 9, 8], [10, 7, 11], THICK, 3, 1, None),
    ([6, 9, 8], [10, 7, 11], THICK, 3, 3, None),
    ([6, 9, 8], [10, 7, 11], THICK, 3, 0, False),
    ([7, 9, 8], [10, 6, 8], ISO, 3, 0, True),
    ([7, 9, 8], [10, 6, 8], ISO, 1, 0, None),
    ([6, 9, 8], [10, 7, 11], THICK, 1, 0, None),
    ([6, 9, 8], [13, 4, 11], THICK, 0, 0, None),
    ([7, 9, 8], [14, 5, 3], ISO, 0, 0, None),
]


def main():
    rng = np.random.RandomState(0)
    arrays, cases = {}, []
    for is_seg in (False, True):
        for size, new_size, (current, new), order, order_z, force in SETTINGS:
            if is_seg:
                # Few labels in blocks of two: even factors then give exact ties.
                coarse = rng.randint(-1, 4, [(n + 1) // 2 for n in size])
                data = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)[: size[0], : size[1], : size[2]]
            else:
                data = rng.uniform(0, 1, size)
            data = data.astype(np.float32)[None]
            out = resample_data_or_seg_to_shape(
                data, new_size, current, new, is_seg=is_seg, order=order, order_z=order_z,
                force_separate_z=force)
            dtype = np.int16 if is_seg else np.float32
            arrays[f"in_{len(cases)}"] = data[0].astype(dtype)
            arrays[f"out_{len(cases)}"] = out[0].astype(dtype)
            cases.append({"is_seg": is_seg, "from_mm": current, "to_mm": new, "order": order,
                          "order_z": order_z, "force_separate_z": force})
    seg = rng.choice([-1, 0, 1, 2, 3, 4], [30, 31, 32], p=[0.2, 0.3, 0.41, 0.05, 0.03, 0.01]).astype(np.int16)
    keys = [[1], [3, 2], [7], [2], [-1, 0, 1, 2, 3]]
    wanted = [tuple(key) if len(key) > 1 else key[0] for key in keys]
    found = DefaultPreprocessor._sample_foreground_locations(seg[None], wanted)
    arrays["seg"] = seg
    for i, key in enumerate(wanted):
        rows = np.asarray(found[key], dtype=np.uint32).reshape(-1, 4)[:, 1:]
        # Rows mixed into one number each keep the file small and still pin the order.
        arrays[f"locations_{i}"] = rows[:200]
        cases_sum = int((rows.astype(np.uint64) @ np.array([1024, 32, 1], np.uint64)
                         * np.arange(1, len(rows) + 1, dtype=np.uint64)).sum())
        keys[i] = {"labels": keys[i], "count": len(rows), "checksum": cases_sum}
    np.savez_compressed(FOLDER / "resample.npz", **arrays)
    (FOLDER / "resample.json").write_text(json.dumps({"cases": cases, "keys": keys}, indent=1))


main()
