"""`python -m demos lab`, run as a person runs it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import nn
from demos import lab
from demos.data import generate_XOR_easy

ROOT = Path(__file__).parents[2]
LAB = [sys.executable, "-m", "demos", "lab"]
FILES = (
    "comparison.png",
    "decision_boundary.png",
    "learning_curve.png",
    "training_step.svg",
    "weights.safetensors",
)


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run the lab with these flags, in a Python of its own."""
    return subprocess.run(
        [*LAB, *flags], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )


def png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


# -- the whole job --------------------------------------------------------------------

# One worker runs them all: they look at what one run has left.
pytestmark = pytest.mark.xdist_group("lab")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """Run the lab's network, as it is by default; return what it printed and its folder."""
    out = tmp_path_factory.mktemp("lab") / "new" / "folder"
    done = run("--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr, out


@pytest.mark.slow
def test_default_run_reaches_the_labs_figures(finished: tuple[str, str, Path]) -> None:
    printed, _, _ = finished
    assert re.findall(r"accuracy (\S+) \((\d+) of (\d+)\)", printed) == [
        ("100.0%", "100", "100"),
        ("100.0%", "21", "21"),
    ]
    losses = [float(x) for x in re.findall(r"last loss (\S+)", printed)]
    assert losses[0] < 0.003  # the report's run ends at 0.0017, the median of 100 at 0.0015
    assert losses[1] < 0.001  # 0.0003 and 0.0003


@pytest.mark.slow
def test_default_run_prints_the_loss_every_500_epochs(finished: tuple[str, str, Path]) -> None:
    printed, _, _ = finished
    epochs = [int(n) for n in re.findall(r"^epoch +(\d+)   loss \d", printed, re.MULTILINE)]
    assert epochs == 2 * list(range(500, 10001, 500))
    assert len(re.findall(r"[01] → +\d\.\d{4}", printed)) == 121  # a prediction for each point


@pytest.mark.slow
def test_default_run_writes_and_lists_its_files(finished: tuple[str, str, Path]) -> None:
    printed, _, out = finished
    written = sorted(path.name for path in out.iterdir())
    assert written == [f"{name}_{file}" for name in ("linear", "xor") for file in FILES]
    assert [line.strip() for line in printed.splitlines() if line.startswith(f"  {out}")] == [
        str(out / name) for name in written
    ]
    for path in out.glob("*.png"):
        width, height = png_size(path)
        assert width >= 1200
        assert height >= 800


@pytest.mark.slow
def test_saved_weights_give_the_printed_predictions(finished: tuple[str, str, Path]) -> None:
    printed, _, out = finished
    model = nn.MLP([2, 4, 4, 1], bias=False, output_activation="sigmoid")
    model.load_state_dict(load_file(out / "xor_weights.safetensors"))
    inputs, labels = generate_XOR_easy()
    outputs = model(inputs).numpy()
    assert nn.accuracy(outputs, labels) == 1.0
    xor = printed[printed.index("xor:") :]
    shown = [float(x) for x in re.findall(r"[01] → +(\d\.\d{4})", xor)]
    np.testing.assert_allclose(shown, outputs[:, 0], atol=5.1e-5)


@pytest.mark.slow
def test_graph_shows_every_step_with_values_and_gradients(
    finished: tuple[str, str, Path],
) -> None:
    svg = ElementTree.parse(finished[2] / "xor_training_step.svg")
    texts = ["".join(element.itertext()) for element in svg.iter() if element.tag.endswith("}text")]
    for operation, times in (("linear", 3), ("sigmoid", 3), ("mse", 1)):
        assert texts.count(operation) == times
    for i in (1, 2, 3):
        assert any(text.startswith(f"linear{i}.weight") for text in texts)
    assert "grad" in texts


# -- flags ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures in this process are drawn, and their files left empty: to fill one takes longest.

    The runs in a Python of their own, above, write them whole.
    """
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, path: path.touch())


def test_same_seed_same_weights_whatever_else_is_trained(tmp_path: Path) -> None:
    for folder, flags in (("a", []), ("b", ["--dataset", "xor"]), ("c", ["--seed", "1"])):
        assert lab.main(["--epochs", "3", "--out", str(tmp_path / folder), *flags]) == 0
    a, b, c = (load_file(tmp_path / folder / "xor_weights.safetensors") for folder in "abc")
    np.testing.assert_equal(a, b)
    assert not np.array_equal(a["linear1.weight"], c["linear1.weight"])


def test_stop_below_stops_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--dataset", "xor", "--epochs", "50", "--out", str(tmp_path)]
    assert lab.main([*flags, "--stop-below", "0.5"]) == 0
    assert "stopped after epoch 1: the loss is below 0.5" in capsys.readouterr().out


def test_progress_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--dataset", "xor", "--epochs", "20", "--out", str(tmp_path)]
    assert lab.main([*flags, "--progress"]) == 0
    assert "20/20" in capsys.readouterr().err
    assert lab.main([*flags, "--no-progress"]) == 0
    assert "20/20" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        "--activation tanh --output-activation tanh",
        "--activation relu --optimizer adagrad",
        "--activation leaky-relu --slope 0.005 --optimizer momentum --momentum 0.99",
        "--activation none --loss bce --optimizer adam --batch-size 5",
        "--hidden 3 --bias --init xavier_normal",
        "--hidden 5 4 3 --batch-size 1000",
    ],
)
def test_variations_run(flags: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--dataset", "xor", "--epochs", "4", "--log-every", "2", "--out", str(tmp_path)]
    assert lab.main([*flags.split(), *few]) == 0
    assert len(list(tmp_path.iterdir())) == 5
    assert capsys.readouterr().out.count("epoch       2   loss ") == 1


def test_without_activation_is_a_linear_map(tmp_path: Path) -> None:
    linear = ["--activation", "none", "--output-activation", "none", "--lr", "0.01"]
    args = lab.parse([*linear, "--epochs", "1", "--out", str(tmp_path)])
    model = lab.train("xor", args).model
    x, y = np.array([[1.0, 2.0]]), np.array([[-3.0, 0.5]])
    np.testing.assert_allclose(
        model(2 * x + y).numpy(), 2 * model(x).numpy() + model(y).numpy(), rtol=1e-12
    )


def commands_in_help() -> list[str]:
    """Return the command lines that the help gives as examples."""
    return re.findall(r"^ +python -m demos lab(.*)$", lab.EPILOG, re.MULTILINE)


def test_help_gives_the_reports_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: early stop and biases. R3: [2, 5, 5, 1] and [2, 7, 7, 1], point by point."""
    monkeypatch.chdir(tmp_path)  # it makes the folder of --out
    r0, r1, r3_linear, r3_xor = (lab.parse(shlex.split(flags)) for flags in commands_in_help())
    assert (r0.hidden, r0.lr, r0.epochs, r0.bias, r0.batch_size) == (
        [4, 4],
        1.0,
        10000,
        False,
        None,
    )
    assert (r1.hidden, r1.bias, r1.stop_below, r1.epochs) == ([4, 4], True, 0.001, 1_000_000)
    assert (r3_linear.hidden, r3_linear.lr, r3_linear.batch_size) == ([5, 5], 0.01, 1)
    assert (r3_xor.hidden, r3_xor.lr, r3_xor.epochs, r3_xor.bias) == ([7, 7], 0.1, 15000, True)


@pytest.mark.parametrize("flags", commands_in_help())
def test_examples_of_the_help_run(flags: str, tmp_path: Path) -> None:
    few = ["--epochs", "3", "--out", str(tmp_path)]  # the later flag counts
    assert lab.main([*flags.split(), *few]) == 0


def test_help_explains_every_flag_with_default_and_example() -> None:
    shown = re.sub(r"\s+", " ", run("--help").stdout)
    for flag in (
        *("--dataset", "--seed", "--hidden", "--activation", "--output-activation", "--slope"),
        *("--init", "--loss", "--optimizer", "--lr", "--momentum", "--epochs", "--batch-size"),
        *("--stop-below", "--out", "--log-every"),
    ):
        assert re.search(rf"\(default: [^()]*(\([^()]*\))?[^()]*; example: {flag} \S+", shown), flag
    assert "(default: --no-bias; example: --bias)" in shown


# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--activation swish", "swish"),
        ("--output-activation swish", "swish"),
        ("--optimizer rmsprop", "rmsprop"),
        ("--dataset moons", "moons"),
        ("--loss huber", "huber"),
        ("--init magic", "magic"),
        ("--lr -1", "--lr"),
        ("--lr 0", "--lr"),
        ("--lr nan", "--lr"),
        ("--lr inf", "--lr"),
        ("--lr fast", "--lr"),
        ("--epochs 0", "--epochs"),
        ("--epochs 1.5", "--epochs"),
        ("--hidden 0", "--hidden"),
        ("--hidden 4 -4", "--hidden"),
        ("--hidden", "--hidden"),
        ("--batch-size 0", "--batch-size"),
        ("--log-every 0", "--log-every"),
        ("--stop-below -0.1", "--stop-below"),
        ("--stop-below nan", "--stop-below"),
        ("--slope 0", "--slope"),
        ("--seed -1", "--seed"),
        ("--seed x", "--seed"),
        ("--momentum 1", "--momentum"),
        ("--optimizer adam --momentum 0.9", "--momentum"),
        ("--loss bce --output-activation tanh", "--output-activation sigmoid"),
        ("--loss bce --output-activation none", "--output-activation sigmoid"),
        ("--out /dev/null", "cannot write into '/dev/null'"),
        ("--out /dev/null/sub", "cannot write into '/dev/null/sub'"),
        ("--learning-rate 1", "--learning-rate"),
        ("linear", "linear"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    flags: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        lab.main(flags.split())
    printed, complaint = capsys.readouterr()
    assert ended.value.code == 2
    assert printed == ""  # nothing was trained
    assert complaint.count("\n") == 1
    assert complaint.startswith("python -m demos lab: error: ")
    assert says in complaint
    assert not (tmp_path / "out").exists()


def test_bad_input_from_the_shell() -> None:
    done = run("--lr", "-1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "python -m demos lab: error: argument --lr: must be a number above 0, not -1 "
        "(see python -m demos lab --help)\n"
    )


@pytest.mark.parametrize("words", [[], ["la"], ["--lab"]])
def test_unknown_demonstration(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demos", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("python -m demos: error: ")
    assert done.stderr.count("\n") == 1


def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    done = run("--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "permission denied" in done.stderr


# -- what goes wrong later -------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["1", "1e300"])  # in the fifth epoch, and in the second
def test_overflow_is_reported_and_still_pictured(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--dataset", "xor", "--activation", "none", "--output-activation", "none"]
    assert lab.main([*flags, "--lr", rate, "--epochs", "40", "--out", str(tmp_path)]) == 1
    assert "Lower the learning rate" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"xor_{file}" for file in FILES]


def test_interrupt_leaves_the_files_from_before(tmp_path: Path) -> None:
    flags = ["--dataset", "xor", "--out", str(tmp_path)]
    assert lab.main([*flags, "--epochs", "5"]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    process = subprocess.Popen(
        [*LAB, *flags, "--epochs", "100000000", "--log-every", "1"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch"):
        pass  # it starts, says what it will do, and trains
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert complaint.strip() == "interrupted: files of earlier runs are as they were"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_error_while_saving_leaves_the_files_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--dataset", "xor", "--epochs", "2", "--no-progress", "--out", str(tmp_path)]
    assert lab.main(flags) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*args: object, **kwargs: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.numpy.save", full)
    with pytest.raises(OSError, match="no space"):
        lab.main([*flags, "--seed", "5"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
