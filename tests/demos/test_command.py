"""What is wrong with the flags of any command is one line, and nothing is made."""

import argparse
import contextlib
from importlib import import_module

import pytest

from demos.__main__ import COMMANDS
from demos.command import Parser, one_line

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
