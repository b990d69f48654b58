"""Lets nnU-Net load a model whose trainer it does not have: writes a trainer of that name that changes nothing.

Prediction takes from a trainer only how the network is built.
"""

import argparse
import glob
import os

import torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="model folder of nnU-Net")
parser.add_argument("--folder", required=True, help="where the trainer is written, for nnUNet_extTrainer")
args = parser.parse_args()
checkpoints = sorted(glob.glob(os.path.join(args.model, "fold_*", "checkpoint_final.pth")))
if not checkpoints:
    raise SystemExit("the model has no checkpoint_final.pth")
name = torch.load(checkpoints[0], map_location="cpu", weights_only=False)["trainer_name"]
if not name.isidentifier():
    raise SystemExit(f"{name!r} is no name of a trainer")
os.makedirs(args.folder, exist_ok=True)
with open(os.path.join(args.folder, f"{name}.py"), "w") as file:
    file.write("from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as usual\n\n\n")
    file.write(f"class {name}(usual.nnUNetTrainer):\n    pass\n")
