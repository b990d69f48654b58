"""Writes export.npz and export.json: nnU-Net's way from logits back to the native grid.

Run with nnunetv2 2.8.1, scikit-image 0.26.0, numpy 2.4.6. Per case i: `logits_i` (f32
`[heads, z, y, x]`, target grid), `labels_i` (u8) without probabilities, `labels_with_i` (u8) and
`probabilities_i` (f32) with them; settings in the json. Logits stay f32, where a prediction of nnU-Net
has f16, so that the comparison is of the method and not of the rounding.
"""
import json
from pathlib import Path

import numpy as np
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

FOLDER = Path(__file__).parent
RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
LABELS = {"labels": {"background": 0, "a": 1, "b": 2, "ignore": 3}}
REGIONS = {"labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "tip": [3], "ignore": 4},
           "regions_class_order": [1, 2, 3]}
# scheme, transpose_forward, target spacing, native spacing (file axes), box (transposed), native size (transposed)
CASES = [
    ("labels", [0, 1, 2], [4.0, 1.0, 1.0], [4.0, 1.0, 1.0], [[1, 5], [0, 7], [2, 9]], [6, 8, 9]),
    ("labels", [2, 0, 1], [5.0, 1.2, 1.1], [0.9, 1.4, 6.0], [[0, 4], [1, 9], [2, 8]], [5, 9, 8]),
    ("regions", [0, 1, 2], [1.0, 1.0, 1.0], [1.3, 0.8, 1.1], [[1, 6], [0, 7], [2, 9]], [7, 8, 9]),
    ("regions", [1, 0, 2], [5.0, 1.2, 1.1], [1.4, 6.0, 0.9], [[0, 4], [1, 9], [2, 8]], [5, 9, 8]),
]
SIZES = [[4, 7, 7], [5, 9, 5], [6, 5, 8], [4, 10, 5]]


def main():
    rng = np.random.default_rng(3)
    arrays, settings = {}, []
    for i, ((scheme, forward, target, spacing, box, size), target_size) in enumerate(zip(CASES, SIZES)):
        dataset = dict(LABELS if scheme == "labels" else REGIONS, file_ending=".nii.gz",
                       channel_names={"0": "T1"})
        backward = [forward.index(a) for a in range(3)]
        plans = {"transpose_forward": forward, "transpose_backward": backward, "dataset_name": "x",
                 "plans_name": "x", "image_reader_writer": "SimpleITKIO", "label_manager": "LabelManager",
                 "configurations": {"c": {
                     "spacing": target, "patch_size": target_size,
                     "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                     "resampling_fn_probabilities_kwargs": RESAMPLING,
                     "architecture": {"network_class_name": "x", "arch_kwargs": {}, "_kw_requires_import": []}}}}
        plans = PlansManager(plans)
        labels = plans.get_label_manager(dataset)
        logits = (3 * rng.standard_normal((labels.num_segmentation_heads, *target_size))).astype(np.float32)
        properties = {"spacing": spacing, "shape_before_cropping": tuple(size), "bbox_used_for_cropping": box,
                      "shape_after_cropping_and_before_resampling": tuple(u - l for l, u in box)}
        export = lambda probabilities: convert_predicted_logits_to_segmentation_with_correct_shape(
            logits.copy(), plans, plans.get_configuration("c"), labels, properties, probabilities, 1)
        arrays[f"logits_{i}"] = logits
        arrays[f"labels_{i}"] = export(False).astype(np.uint8)
        with_labels, probabilities = export(True)
        arrays[f"labels_with_{i}"] = with_labels.astype(np.uint8)
        arrays[f"probabilities_{i}"] = np.ascontiguousarray(probabilities)
        settings.append({"scheme": scheme, "transpose_forward": forward, "target_mm": target, "spacing_mm": spacing,
                         "box": box, "size": size, "class_order": dataset.get("regions_class_order")})
    np.savez_compressed(FOLDER / "export.npz", **arrays)
    (FOLDER / "export.json").write_text(json.dumps(settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
