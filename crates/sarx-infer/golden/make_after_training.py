"""Writes after_training.npz and after_training.json: nnU-Net's ensembles, scores and postprocessing of
small label maps, by its own commands' functions on real folders.

Run with nnunetv2 2.8.1 and numpy 2.4.6 (CPU), in a scratch folder given as the argument:

    python make_after_training.py /tmp/scratch

Per scheme S (`labels`, `regions` with an ignore label): `S_reference`, `S_prediction`,
`S_postprocessed` (u8 `[case, z, y, x]`), `S_member_0`, `S_member_1` (f32 `[case, heads, z, y, x]`,
probabilities), `S_mean` (f32) and `S_ensemble` (u8). In the json per scheme: dataset.json, the summary of
the predictions, and postprocessing.json. `nnunet_case.npz` is `labels_member_0[0]` as nnU-Net leaves it. The scratch folder keeps the files, so that the binary can be
compared on them as well.
"""
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from batchgenerators.utilities.file_and_folder_operations import load_pickle, save_pickle
from nnunetv2.ensembling.ensemble import ensemble_folders
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder2
from nnunetv2.postprocessing.remove_connected_components import (
    apply_postprocessing_to_folder, determine_postprocessing)
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

HERE = Path(__file__).parent
SIZE = (6, 14, 13)
N_CASES = 4
SPACING = (0.9, 0.8, 4.0)  # ITK order
SCHEMES = {
    "labels": {
        "channel_names": {"0": "T1"}, "numTraining": N_CASES, "file_ending": ".nii.gz",
        "labels": {"background": 0, "mass": 1, "oedema": 2, "necrosis": 3},
    },
    "regions": {
        "channel_names": {"0": "T1"}, "numTraining": N_CASES, "file_ending": ".nii.gz",
        "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "necrosis": 3, "ignore": 4},
        "regions_class_order": [1, 2, 3],
    },
}
PLANS = {
    "dataset_name": "Dataset001_X", "plans_name": "nnUNetPlans",
    "original_median_spacing_after_transp": [4, 0.8, 0.9], "original_median_shape_after_transp": [6, 14, 13],
    "image_reader_writer": "SimpleITKIO", "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
    "configurations": {}, "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {},
}


def write(path, array):
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    image.SetSpacing(SPACING)
    image.SetOrigin((1.5, -20.0, 7.25))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def read(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def reference(rng):
    seg = np.zeros(SIZE, np.uint8)
    z, y, x = np.ogrid[:SIZE[0], :SIZE[1], :SIZE[2]]
    centre = np.array([3, 7, 6]) + rng.integers(-1, 2, 3)
    radius = ((z - centre[0]) / 2.6) ** 2 + ((y - centre[1]) / 5.2) ** 2 + ((x - centre[2]) / 4.6) ** 2
    seg[radius < 1] = 1
    seg[radius < 0.55] = 2
    seg[radius < 0.2] = 3
    return seg


def predicted(rng, seg, case):
    pred = np.roll(seg, rng.integers(-1, 2), axis=2).copy()
    # False islands and holes; the last case has a true second island that clean-up would delete.
    for _ in range(9):
        z, y, x = [rng.integers(0, n - 1) for n in SIZE]
        pred[z:z + 1, y:y + 2, x:x + 2] = rng.integers(0, 4)
    return pred


def main(scratch):
    arrays, documents = {}, {}
    for name, dataset in SCHEMES.items():
        rng = np.random.default_rng(7 if name == "labels" else 11)
        folder = scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "plans.json").write_text(json.dumps(PLANS))
        (folder / "dataset.json").write_text(json.dumps(dataset))
        manager = PlansManager(PLANS).get_label_manager(dataset)
        heads = manager.num_segmentation_heads
        members = [folder / "member_0", folder / "member_1"]
        for key in ["reference", "prediction", "member_0", "member_1"]:
            arrays[f"{name}_{key}"] = []
        for case in range(N_CASES):
            file = f"case_{case}.nii.gz"
            seg = reference(rng)
            pred = predicted(rng, seg, case)
            if case == N_CASES - 1:
                seg[0, :3, :3] = 1
                pred[0, :3, :2] = 1
            if name == "regions":
                seg[:, :3, 9:] = 4
            write(folder / "reference" / file, seg)
            write(folder / "prediction" / file, pred)
            arrays[f"{name}_reference"].append(seg)
            arrays[f"{name}_prediction"].append(pred)
            if case >= 2:
                continue
            for member in members:
                # Few distinct values, so that draws occur and the file stays small.
                logits = rng.integers(-6, 7, (heads, *SIZE)).astype(np.float32) / 2
                probabilities = manager.apply_inference_nonlin(logits).numpy()
                member.mkdir(exist_ok=True)
                arrays[f"{name}_{member.name}"].append(probabilities)
                np.savez_compressed(member / f"case_{case}.npz", probabilities=probabilities)
                write(member / file, manager.convert_probabilities_to_segmentation(probabilities))
                properties = {"sitk_stuff": {"spacing": SPACING, "origin": (1.5, -20.0, 7.25),
                                             "direction": (1., 0., 0., 0., 1., 0., 0., 0., 1.)},
                              "spacing": list(SPACING[::-1])}
                save_pickle(properties, str(member / f"case_{case}.pkl"))
        for f in [folder / "prediction", *members]:
            shutil.copy(folder / "plans.json", f)
            shutil.copy(folder / "dataset.json", f)
        pred, ref = str(folder / "prediction"), str(folder / "reference")
        compute_metrics_on_folder2(ref, pred, str(folder / "dataset.json"), str(folder / "plans.json"),
                                   str(folder / "summary.json"), 1)
        determine_postprocessing(pred, ref, PLANS, dataset, 1)
        functions, arguments = load_pickle(pred + "/postprocessing.pkl")
        applied = folder / "applied"
        apply_postprocessing_to_folder(pred, str(applied), functions, arguments, PLANS, dataset, 1)
        ensemble_folders([str(m) for m in members], str(folder / "ensemble"), True, 1)
        arrays[f"{name}_postprocessed"] = [read(applied / f"case_{c}.nii.gz") for c in range(N_CASES)]
        arrays[f"{name}_ensemble"] = [read(folder / "ensemble" / f"case_{c}.nii.gz") for c in range(2)]
        arrays[f"{name}_mean"] = [np.load(folder / "ensemble" / f"case_{c}.npz")["probabilities"] for c in range(2)]
        loads = lambda p: json.loads(p.read_text().replace("NaN", "null"))
        summary = loads(folder / "summary.json")
        for case in summary["metric_per_case"]:
            case["prediction_file"] = Path(case["prediction_file"]).name
            case["reference_file"] = Path(case["reference_file"]).name
        documents[name] = {"dataset": dataset, "summary": summary,
                           "postprocessing": loads(folder / "prediction" / "postprocessing.json")}
    np.savez_compressed(HERE / "after_training.npz", **{k: np.stack(v) for k, v in arrays.items()})
    shutil.copy(scratch / "labels" / "member_0" / "case_0.npz", HERE / "nnunet_case.npz")
    (HERE / "after_training.json").write_text(json.dumps(documents, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
