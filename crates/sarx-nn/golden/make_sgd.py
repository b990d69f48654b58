"""Writes sgd.json: four steps of torch.optim.SGD with clipping on two parameters.

The second gradient of step 2 is None (as of a head of weight 0). Made with torch 2.15.
"""
import json
import pathlib

import torch

torch.manual_seed(0)
parameters = [torch.nn.Parameter(torch.randn(5)), torch.nn.Parameter(torch.randn(3))]
optimizer = torch.optim.SGD(parameters, lr=1.0, momentum=0.99, nesterov=True, weight_decay=3e-5)
steps = []
initial = [p.detach().tolist() for p in parameters]
for index, (lr, size) in enumerate([(0.01, 1.0), (0.009, 20.0), (0.008, 3.0), (0.007, 0.1)]):
    gradients = [torch.randn(5) * size, torch.randn(3) * size]
    if index == 2:
        gradients[1] = None
    for p, g in zip(parameters, gradients):
        p.grad = None if g is None else g.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 12)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    steps.append({
        "lr": lr,
        "gradients": [None if g is None else g.tolist() for g in gradients],
        "norm": norm.item(),
        "parameters": [p.detach().tolist() for p in parameters],
        "momentum": [optimizer.state[p]["momentum_buffer"].tolist() for p in parameters],
    })
text = json.dumps({"initial": initial, "steps": steps}, indent=1)
(pathlib.Path(__file__).parent / "sgd.json").write_text(text)
