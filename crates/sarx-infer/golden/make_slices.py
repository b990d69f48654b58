"""Writes slices.safetensors: a small 2D network of nnU-Net, its logits, and a whole volume through its predictor.

Run: python make_slices.py        (needs torch, safetensors, nnunetv2 and dynamic_network_architectures)

`weights.*`: the state dict without aliases, kernels [out, in, y, x] as in nnU-Net; `input`, `logits.i`: a batch of
slices and every supervised output (0 is full resolution); `volume`: [c, z, y, x]; `volume_logits`: what
nnUNetPredictor.predict_sliding_window_return_logits gives for it (patch 24 x 32, step 0.5, mirroring; summed in
half precision).
"""

from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from safetensors.torch import save_file


def network():
    torch.manual_seed(3)
    net = PlainConvUNet(
        input_channels=2, n_stages=3, features_per_stage=[4, 8, 12], conv_op=torch.nn.Conv2d,
        kernel_sizes=[[3, 3]] * 3, strides=[[1, 1], [2, 2], [2, 1]], n_conv_per_stage=[2, 2, 2], num_classes=3,
        n_conv_per_stage_decoder=[2, 2], conv_bias=True, norm_op=torch.nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=torch.nn.LeakyReLU, deep_supervision=True,
    )
    with torch.no_grad():
        for p in net.parameters():
            if p.ndim == 1:
                p.add_(0.2 * torch.randn_like(p))
    return net.eval()


class Configuration:
    patch_size = [24, 32]
    previous_stage_name = None


class Labels:
    num_segmentation_heads = 3


def main():
    torch.set_num_threads(1)
    net = network()
    tensors = {
        f"weights.{name}": p.detach().contiguous() for name, p in net.state_dict().items()
        if "all_modules" not in name and not name.startswith("decoder.encoder")
    }
    image = torch.randn(2, 2, 24, 32)
    with torch.no_grad():
        tensors["input"] = image
        for i, logits in enumerate(net(image)):
            tensors[f"logits.{i}"] = logits.contiguous()
        volume = torch.randn(2, 5, 37, 44)
        net.decoder.deep_supervision = False
        predictor = nnUNetPredictor(tile_step_size=0.5, use_gaussian=True, use_mirroring=True,
                                    perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False)
        predictor.network = net
        predictor.configuration_manager = Configuration()
        predictor.label_manager = Labels()
        predictor.allowed_mirroring_axes = (0, 1)
        tensors["volume"] = volume
        tensors["volume_logits"] = predictor.predict_sliding_window_return_logits(volume).float().contiguous()
    path = Path(__file__).with_name("slices.safetensors")
    save_file(tensors, path)
    print(path, path.stat().st_size, tensors["volume_logits"].shape)


if __name__ == "__main__":
    main()
