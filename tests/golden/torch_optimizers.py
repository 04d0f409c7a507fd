"""Writes torch_optimizers.json: what PyTorch's optimizers do with a small quadratic. Needs torch, so run it by hand.

The problem is L(w) = sum a (w - c)^2 / 2 in float64, ten updates, the learning rate halved after five.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch

CURVATURE = [17.0, 3.0, 1.0, 0.1, 0.01]
MINIMUM = [1.0, -2.0, 0.5, 3.0, -10.0]
START = [0.3, 0.2, -1.5, 2.0, 0.0]
UPDATES = 10

CALLS: dict[str, dict[str, Any]] = {
    "SGD": dict(lr=0.05),
    "SGD, weight decay": dict(lr=0.05, weight_decay=0.3),
    "SGD, momentum": dict(lr=0.02, momentum=0.9),
    "SGD, Nesterov": dict(lr=0.02, momentum=0.9, nesterov=True),
    "RMSprop": dict(lr=0.03, alpha=0.99, eps=1e-7),
    "Adam": dict(lr=0.1, betas=(0.9, 0.999), eps=1e-8),
    "Adam, weight decay": dict(lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.3),
    "AdamW": dict(lr=0.1, betas=(0.8, 0.99), eps=1e-8, weight_decay=0.3),
}


def trajectory(optimizer: str, arguments: dict[str, Any]) -> list[list[float]]:
    """The parameters after each update."""
    a, c, w = (torch.tensor(values, dtype=torch.float64) for values in (CURVATURE, MINIMUM, START))
    w.requires_grad_()
    optimization = getattr(torch.optim, optimizer)([w], **arguments)
    schedule = torch.optim.lr_scheduler.StepLR(optimization, step_size=UPDATES // 2, gamma=0.5)
    points = []
    for _ in range(UPDATES):
        optimization.zero_grad()
        (a * (w - c) ** 2 / 2).sum().backward()
        optimization.step()
        schedule.step()
        points.append(w.tolist())
    return points


if __name__ == "__main__":
    golden = {
        "source": f"PyTorch {torch.__version__}, tests/golden/torch_optimizers.py",
        "curvature": CURVATURE,
        "minimum": MINIMUM,
        "start": START,
        "cases": {
            name: {
                "call": f"torch.optim.{name.partition(',')[0]}({', '.join(f'{k}={v}' for k, v in arguments.items())})",
                "trajectory": trajectory(name.partition(",")[0], arguments),
            }
            for name, arguments in CALLS.items()
        },
    }
    one_point_a_line = re.sub(r"\s+(?=[-\d\]])", " ", json.dumps(golden, indent=1))
    Path(__file__).with_suffix(".json").write_text(one_point_a_line + "\n")
