"""Forward pass and training step of the network of `sarx bench net` in PyTorch.

Weights and image are those that `sarx bench net --write-inputs` left; the logits are compared with its logits. The
training step is nnU-Net's: Dice and cross-entropy over all heads, gradients clipped to 12, SGD with Nesterov momentum.
"""

import argparse
import json
import os

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from timing import report, rounds

NETWORKS = {
    "plain": {"heads": 5, "kernels": [[3, 3, 3]] * 5, "strides": [[1, 1, 1]] + [[2, 2, 2]] * 4},
    "anisotropic": {
        "heads": 2,
        "kernels": [[1, 3, 3]] * 2 + [[3, 3, 3]] * 4,
        "strides": [[1, 1, 1]] + [[1, 2, 2]] * 2 + [[2, 2, 2]] * 3,
    },
}


def read_safetensors(path):
    """The arrays of a file of 32-bit floats: eight bytes of length, a JSON header, the values."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        values = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise SystemExit(f"{name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(values[begin:end], dtype="<f4")
        arrays[name] = torch.from_numpy(flat.reshape(entry["shape"]).copy())
    return arrays


def build(network, weights, deep_supervision):
    n_stages = len(network["kernels"])
    first = weights["encoder.stages.0.0.convs.0.conv.weight"].shape[0]
    features = [min(first << stage, max(320, first)) for stage in range(n_stages)]
    net = PlainConvUNet(
        input_channels=1,
        n_stages=n_stages,
        features_per_stage=features,
        conv_op=nn.Conv3d,
        kernel_sizes=network["kernels"],
        strides=network["strides"],
        n_conv_per_stage=[2] * n_stages,
        num_classes=network["heads"],
        n_conv_per_stage_decoder=[2] * (n_stages - 1),
        conv_bias=True,
        norm_op=nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=deep_supervision,
    )
    # A state dict names shared parameters several times; the file names each once.
    result = net.load_state_dict(weights, strict=False)
    if result.unexpected_keys:
        raise SystemExit(f"the network has no {result.unexpected_keys[0]}")
    return net


def step_work(net, image, network):
    from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
    from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
    from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

    dice = {"batch_dice": False, "smooth": 1e-5, "do_bg": False, "ddp": False}
    loss = DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    n_outputs = len(network["kernels"]) - 1
    weights = [0.5**i for i in range(n_outputs)]
    weights[-1] = 0.0
    loss = DeepSupervisionWrapper(loss, [w / sum(weights) for w in weights])
    size, targets = list(image.shape[2:]), []
    for stride in network["strides"][:n_outputs]:
        size = [edge // by for edge, by in zip(size, stride)]
        slabs = torch.arange(size[1]) * network["heads"] // size[1]
        target = slabs[None, None, None, :, None].expand(image.shape[0], 1, *size)
        targets.append(target.float().contiguous())
    optimizer = torch.optim.SGD(
        net.parameters(), 1e-3, momentum=0.99, weight_decay=3e-5, nesterov=True
    )

    def work():
        optimizer.zero_grad(set_to_none=True)
        value = loss(net(image), targets)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimizer.step()
        return value.item()

    return work


def forward_details(logits, folder):
    expected = torch.from_numpy(np.load(os.path.join(folder, "logits.npy")))
    error = (logits.float() - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    return {"relative_rms_difference": error.item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", required=True, help="folder that sarx bench net wrote")
    parser.add_argument("--network", choices=NETWORKS, default="plain")
    parser.add_argument("--pass", dest="what", choices=["forward", "step"], default="forward")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network = NETWORKS[args.network]
    weights = read_safetensors(os.path.join(args.inputs, "weights.safetensors"))
    image = torch.from_numpy(np.load(os.path.join(args.inputs, "input.npy")))
    program = f"PyTorch {torch.__version__.split('+')[0]} {args.dtype}"
    if args.what == "step":
        if args.dtype != "f32":
            raise SystemExit("the training step is timed in f32")
        net = build(network, weights, deep_supervision=True)
        seconds, value = rounds(step_work(net, image, network), args.rounds, args.warm_up)
        report(program, [("training step", seconds)], {"loss_after_last_step": value})
        return
    net = build(network, weights, deep_supervision=False).eval()
    if args.dtype == "bf16":
        net, image = net.bfloat16(), image.bfloat16()
    with torch.inference_mode():
        seconds, logits = rounds(lambda: net(image), args.rounds, args.warm_up)
    report(program, [("forward", seconds)], forward_details(logits, args.inputs))


if __name__ == "__main__":
    main()
