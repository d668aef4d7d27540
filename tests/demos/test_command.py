"""What is wrong with the flags of any command is one line, and nothing is made."""

import argparse
import contextlib
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from demos.__main__ import COMMANDS
from demos.command import Parser, one_line

ROOT = Path(__file__).parents[2]
ODD = ["", "nan", "-1", "1e400", "9" * 5000, "9" * 30, "\u0663x", "\udc80", "\ud800", "\0", "a\nb",
       "x=\n", "=", "/dev/null", "/dev/full/x"]  # fmt: skip


def parser_of(name, monkeypatch):
    """Return the parser that a command makes, as it is before it reads its flags."""
    made = []

    def stop(parser, *args, **kwargs):
        made.append(parser)
        raise SystemExit(0)

    with monkeypatch.context() as patch, contextlib.suppress(SystemExit):
        patch.setattr(Parser, "parse_args", stop)
        import_module(COMMANDS[name][0]).main([])
    return made[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_with_every_odd_value(name, monkeypatch, capsys):
    """An odd value is read, or refused in one line; here nothing is run."""
    parser = parser_of(name, monkeypatch)
    for action in parser._actions:
        if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
            continue
        for value in ODD:
            given = [action.option_strings[-1], value] if action.option_strings else [value]
            with contextlib.suppress(SystemExit):
                parser.parse_args(given)
            error = capsys.readouterr().err
            assert error.count("\n") <= 1, (given, error)
            assert "Traceback" not in error


@pytest.mark.parametrize("odd", [chr(0xDC80), chr(0xD800), "a\0b", "/dev/null", "/dev/null/x"])
def test_a_folder_with_an_odd_name_is_refused_in_one_line(odd, capsys):
    parser = Parser(prog="command")
    parser.add_argument("--out")
    with pytest.raises(SystemExit) as caught:
        parser.ready(parser.parse_args(["--out", odd]))
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert error.startswith("command: error: argument --out: ")
    assert error.count("\n") == 1


def test_one_line():
    assert one_line("é ∂/∂x\n\x1b[31m\udc80") == "é ∂/∂x\\n\\x1b[31m\\udc80"


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    command = [sys.executable, "-m", "demos", "experiment", "--list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdout.close()  # as `head` does
    with process.stderr as error:
        assert error.read() == b""
    assert process.wait() == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_what_r0_to_r4_are_where_it_names_them(name, monkeypatch):
    text = parser_of(name, monkeypatch).format_help()
    assert "``" not in text
    named = re.search(r"\bR[0-4]\b", text) is not None
    assert named or name not in ("lab", "experiment", "report", "moons", "digits", "check")
    for source in ("R0", "R1", "R2", "R3", "R4") if named else ():
        assert f"\n  {source}  " in text


@pytest.mark.parametrize(
    ("flags", "status", "said"),
    [
        (["digits", "--tensorboard", "/proc/x"], 2, "argument --tensorboard: cannot write into"),
        (["gpt", "--lr", "1e300", "--steps", "2"], 1, "so training has failed: try a --lr"),
        (["names", "--lr", "1e300", "--steps", "2"], 1, "so training has failed: try a --lr"),
    ],
)
def test_what_fails_is_said_in_one_line_and_what_to_try(flags, status, said, tmp_path):
    name, *rest = flags
    done = subprocess.run(
        [sys.executable, "-m", "demos", name, *rest, "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == status
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


WORDS = {  # one word for one thing: how an option is called, and what is not
    "--dataset": ["--data-set", "--points"],
    "--epochs": ["--passes", "--iterations"],
    "--batch-size": ["--batch"],
    "--weight-decay": ["--decay", "--l2"],
    "--lr": ["--rate", "--learning-rate"],
    "--hidden": ["--units"],
    "--seed": ["--rng"],
    "--out": ["--output", "--folder"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_one_word_for_one_thing(name, monkeypatch):
    """What an option was called before still goes, behind the word that all commands share."""
    for action in parser_of(name, monkeypatch)._actions:
        first, *others = action.option_strings or [""]
        for word, wrong in WORDS.items():
            assert first not in wrong, (name, action.option_strings)
            assert word not in others
        assert action.help, (name, first)
        assert not action.help.startswith("(default"), (name, first)
        for choice in [*(action.choices or ()), str(action.metavar)]:
            assert "leaky_relu" not in choice, (name, first)
