"""``make demo``: the first CNN in four forms, its lesson, and ResNet-50 across two frameworks.

Each step is a command that is shown before it runs, so that it can be typed again by hand.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STEPS = (
    ("The first CNN, in Keras", "summary cnn_keras:build"),
    ("The same in PyTorch", "summary cnn_torch:build --input 1x3x32x32"),
    ("Exported from Keras to ONNX", "summary cnn_keras.onnx"),
    ("Exported from PyTorch to ONNX", "summary cnn_torch.onnx"),
    ("How many parameters does each layer have, and why?", "explain cnn_keras:build"),
    ("The first layer in full", "explain cnn_keras:build Conv1"),
    ("One model in two frameworks", "compare cnn_keras:build cnn_torch:build --input-b 1x3x32x32"),
    (
        "ResNet-50: what differs, and why",
        "compare keras.applications:ResNet50 torchvision.models:resnet50",
    ),
    ("What other tools say of it", "reconcile torchvision.models:resnet50 --number 4.11G"),
    (
        "How its cost grows with the image",
        "scale torchvision.models:resnet50 --vary height,width=64..256",
    ),
    ("Does it stay in its budget?", "check torchvision.models:resnet50 --max-macs 5G --complete"),
)


def main() -> int:
    """Run every step; return the number of steps that failed."""
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "140", **os.environ}
    analyzer = Path(sys.executable).with_name("analyzer")
    failed = 0
    for title, command in STEPS:
        print(f"\n━━ {title}\n$ analyzer {command}\n", flush=True)
        run = subprocess.run(
            [str(analyzer), *shlex.split(command)], cwd=HERE, env=environment, check=False
        )
        failed += run.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
