"""docs/nn.md: its blocks run and print what they say, and its lists have what there is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nn

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "nn.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python( torch)?\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


def runs(blocks, folder):
    program = "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,  # what they write stays out of the checkout
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == PRINTED.findall(program)


def test_blocks_run_and_print_what_their_comments_say(tmp_path):
    for package in ("matplotlib", "safetensors", "sklearn", "tensorboardX", "numba"):
        pytest.importorskip(package)
    blocks = [block for torch, block in BLOCKS if not torch]
    assert len(blocks) >= 7
    runs(blocks, tmp_path)
    assert {"logs", "weights.safetensors"} <= {path.name for path in tmp_path.iterdir()}


def test_the_way_to_pytorch_and_back(torch, tmp_path):
    for package in ("safetensors", "sklearn"):
        pytest.importorskip(package)
    names = [re.search(r"^nn\.save_weights.*\n", block, re.M) for _, block in BLOCKS]
    [save] = [found.group() for found in names if found]
    first = BLOCKS[0][1] + "images, labels = nn.data.digits(np.float32)\n" + save
    runs([first, *(block for torch, block in BLOCKS if torch)], tmp_path)


def defined_in(module, base):
    """Return the public classes of a kind that a module defines."""
    return {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and not name.startswith("_")
    }


def functions_of(module):
    return {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__.startswith(module.__name__)
        and name[0] != "_"
    }


def test_the_lists_have_what_there_is():
    listed = {
        kind: set(re.findall(r"`(\w+)`", text))
        for kind, text in re.findall(
            r"^(\w+).*?: (.*?)(?:\n\n|\Z)", GUIDE.split("## What there is")[1], re.M | re.S
        )
    }
    modules = {name for name in nn.__all__ if name in defined_in(nn, nn.Module)}
    losses = {name for name in modules if name.endswith("Loss")}
    activations = defined_in(sys.modules["nn.activation"], nn.Module) - {"Module"}
    assert listed["Losses"] == losses
    assert listed["Activations"] == activations
    assert listed["Layers"] == modules - losses - activations - {"Module"}
    optimizers = defined_in(nn.optim, nn.optim.Optimizer) - {"Optimizer"}
    assert listed["Optimizers"] == optimizers | functions_of(nn.utils)
    schedulers = defined_in(nn.optim.lr_scheduler, nn.optim.lr_scheduler.LRScheduler)
    assert listed["Schedulers"] == schedulers - {"LRScheduler"}
    fills = {name for name in functions_of(nn.init) if name.endswith("_")}
    assert listed["Initialisations"] == fills
    data = functions_of(nn.data) | defined_in(nn.data, (nn.Dataset, nn.DataLoader))
    assert listed["Data"] == {name for name in data if not name.startswith("_")}
