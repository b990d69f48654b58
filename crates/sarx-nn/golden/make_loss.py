"""Writes loss.json: losses and gradients of nnU-Net's own loss classes on tiny inputs.

Made with nnunetv2 2.8.1 and torch 2.15.
"""
import json
import pathlib

import torch
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

torch.manual_seed(1)
SHAPE = (2, 3, 2, 3, 4)
IGNORE = 3
REGIONS = [[1, 2], [2], [1]]


def labels_loss(batch_dice, ignore):
    return DC_and_CE_loss(
        {"batch_dice": batch_dice, "smooth": 1e-5, "do_bg": False, "ddp": False}, {},
        weight_ce=1, weight_dice=1, ignore_label=ignore,
        dice_class=MemoryEfficientSoftDiceLoss,
    )


def regions_loss(batch_dice, ignore):
    return DC_and_BCE_loss(
        {}, {"batch_dice": batch_dice, "do_bg": True, "smooth": 1e-5, "ddp": False},
        use_ignore_label=ignore is not None, dice_class=MemoryEfficientSoftDiceLoss,
    )


cases = []
for mode in ("labels", "regions"):
    for batch_dice in (False, True):
        for ignore in (None, IGNORE):
            logits = torch.randn(SHAPE, requires_grad=True)
            labels = torch.randint(0, 3 if ignore is None else 4, (2, 1) + SHAPE[2:])
            if mode == "labels":
                loss = labels_loss(batch_dice, ignore)(logits, labels)
            else:
                masks = [sum(labels == v for v in region) > 0 for region in REGIONS]
                if ignore is not None:
                    masks.append(labels == ignore)
                target = torch.cat(masks, 1)
                if ignore is None:
                    target = target.float()
                loss = regions_loss(batch_dice, ignore)(logits, target)
            loss.backward()
            cases.append({
                "mode": mode, "batch_dice": batch_dice, "ignore_label": ignore,
                "logits": logits.detach().flatten().tolist(), "labels": labels.flatten().tolist(),
                "loss": loss.item(), "gradient": logits.grad.flatten().tolist(),
            })
text = json.dumps({"shape": SHAPE, "regions": REGIONS, "cases": cases})
(pathlib.Path(__file__).parent / "loss.json").write_text(text)
