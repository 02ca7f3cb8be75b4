"""`bellhop runbook lint` on files that mean harm: all is told at once, at its place, in words, and soon."""

import os
import time
from pathlib import Path

import pytest

from bot.__main__ import run
from remediation.load import MOST_BYTES

SOON_S = 2.0
HEAD = "apiVersion: bellhop/v1\nkind: Runbook\nmetadata: {name: hostile, title: Hostile}\nspec:\n"
INPUTS = "  inputs:\n    link: {type: link, default: a-link}\n"
VERIFY = (
    "    - id: verify\n      action: telemetry.wait_until\n"
    '      with: {signal: physical_loss_ratio, link: "{{ inputs.link }}", within_baseline: true}\n'
)
WHOLE = f"{HEAD}{INPUTS}  steps:\n{VERIFY}"


def spec(line: str) -> str:
    """The whole with one more line in its spec, the fifth."""
    return f"{HEAD}{line}\n{INPUTS}  steps:\n{VERIFY}"


def tell(text: str) -> str:
    """The whole with a message of this text, written at line 10, column 35."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    step = f'    - id: tell\n      action: notify.message\n      with: {{to: operators, text: "{quoted}"}}\n'
    return f"{HEAD}{INPUTS}  steps:\n{step}{VERIFY}"


def fill(key: str) -> str:
    """The whole with an act of this key, written at line 12, column 20."""
    step = "    - id: fill\n      action: entanglement.replenish\n      with: {link: a-link, level: 0.5}\n"
    step += "      timeout: 5m\n"
    return f"{HEAD}{INPUTS}  steps:\n{step}      idempotency: '{key}'\n{VERIFY}"


HARM: dict[str, tuple[str | bytes, str, str]] = {
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\n", "2:8", "aliases"),
    "alias of itself": ("a: &a [*a]\n", "1:8", "aliases"),
    "depth": ("[" * 30_000 + "]" * 30_000, "1:25", "nested deeper than 24"),
    "depth in blocks": ("".join("  " * level + "a:\n" for level in range(100)), "25:49", "nested deeper"),
    "values": ("[" + "1," * 30_000 + "1]", "1:10000", "has over 5000 values"),
    "size": ("a: 1\n" * 30_000, "", "is larger than 65536 bytes"),
    "size of one text": (WHOLE.replace("Hostile", "x" * MOST_BYTES), "", "is larger than"),
    "python object": (
        HEAD + "  steps: !!python/object/apply:os.system [id]\n",
        "5:10",
        "python/object/apply:os.system",
    ),
    "tag of a mapping": (spec("  handles: !!set {F4}"), "5:12", "is not allowed"),
    "own tag": (spec("  handles: !mine [F4]"), "5:12", "the tag !mine is not allowed"),
    "timestamp tag": (spec("  trigger: {auto: !!timestamp maybe}"), "5:19", "is not allowed"),
    "tag that does not fit": (spec("  trigger: {auto: !!bool maybe}"), "5:19", "maybe is no bool"),
    "impossible date": (spec("  handles: [2020-99-99]"), "5:13", "2020-99-99 is no timestamp"),
    "date for text": (WHOLE.replace("title: Hostile", "title: 2020-01-01"), "3:34", "put it in quotes"),
    "no for text": (WHOLE.replace("title: Hostile", "title: no"), "3:34", "yes, no, on and off mean true and false"),
    "octal": (spec("  guard: {max_runs: {count: 010, per: 1h}}"), "5:29", "YAML reads 010 as 8"),
    "sexagesimal": (spec("  guard: {cooldown: 5:00}"), "5:21", "YAML reads 5:00 as 300"),
    "sexagesimal bomb": (spec(f"  guard: {{cooldown: {':'.join(['59'] * 5000)}}}"), "5:21", "is too large a number"),
    "huge number": (spec(f"  trigger: {{min_confidence: {'9' * 5000}}}"), "5:29", "is too large a number"),
    "endless time": (spec("  guard: {cooldown: .inf}"), "5:21", "that ends"),
    "time beyond numbers": (spec(f"  guard: {{cooldown: {'9' * 400}d}}"), "5:21", "that ends"),
    "time in other digits": (spec("  guard: {cooldown: \u0665m}"), "5:21", "is not a length of time"),
    "long text in a fault": (spec(f"  guard: {{cooldown: {'1' * 50_000}x}}"), "5:21", "spec.guard.cooldown: '1111"),
    "merge key": (HEAD + "  steps:\n    - <<: {action: notify.message}\n      id: a\n", "6:7", "merge keys (<<)"),
    "key that is a list": (spec("  ? [a, b]\n  : 1"), "5:5", "a key must be plain text"),
    "key twice": (spec("  handles: [F4]\n  handles: [F1]"), "6:3", "handles stands here twice"),
    "NUL": (HEAD + "  steps:\x00\n", "5:9", "U+0000"),
    "control character": (WHOLE.replace("Hostile", "Ho\x07stile"), "3:36", "U+0007"),
    "escape of a terminal": (WHOLE.replace("Hostile", '"\\e[2J"'), "3:34", "U+001B, which cannot be shown"),
    "line in a name": (WHOLE.replace("telemetry.wait_until", '"x\\r\\n:1:1: error: fake"'), "9:15", "U+000D"),
    "writing turned round": (spec('  "x\\u202egpj": 1'), "5:3", "cannot be shown"),
    "half a character": (WHOLE.replace("Hostile", '"\\ud800"'), "3:34", "U+D800"),
    "no character": (WHOLE.replace("Hostile", '"\\UFFFFFFFF"'), "3:37", "names no character"),
    "not UTF-8": (WHOLE.replace("Hostile", "Störung").encode("latin-1"), "3:36", "is not UTF-8"),
    "UTF-16": (WHOLE.encode("utf-16"), "1:1", "is not UTF-8"),
    "tab": (HEAD + "\tsteps: []\n", "5:1", "cannot start any token"),
    "two documents": (WHOLE + "---\na: 1\n", "11:1", "second document"),
    "nothing": ("", "1:1", "is empty"),
    "null": ("~\n", "1:1", "must be a mapping"),
    "list": ("- 1\n", "1:1", "must be a mapping"),
    "text alone": ("hello\n", "1:1", "must be a mapping"),
    "byte order mark and lines of Windows": (
        ("\ufeff" + WHOLE.replace("wait_until", "wait_untl")).replace("\n", "\r\n"),
        "9:15",
        "did you mean telemetry.wait_until?",
    ),
    "name with a path": (WHOLE.replace("name: hostile", "name: ../../x"), "3:18", "is not of the form"),
    "input without a name": (WHOLE.replace("    link: {type", "    '': {type"), "6:5", "is not of the form"),
    "too many steps": (HEAD + "  steps:\n" + VERIFY * 101, "5:3", "more than 100 items"),
    "class of a tuple": (tell("{{ ().__class__ }}"), "10:35", "comes to nothing"),
    "range": (tell("{{ range(1000000000) }}"), "10:35", "loops, assignments, calls"),
    "loops in loops": (tell("{% for a in x %}{% for b in x %}{% endfor %}{% endfor %}"), "10:35", "loops"),
    "macro that calls itself": (tell("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "10:35", "calls"),
    "width of a number": (tell("{{ '%1000000000d' % 1 }}"), "10:35", "works on numbers"),
    "text times a billion": (tell("{{ 'a' * 1000000000 }}"), "10:35", "works on numbers"),
    "list times a billion": (tell("{{ [1] * 1000000000 }}"), "10:35", "works on numbers"),
    "power": (tell("{{ 9 ** 9 ** 9 }}"), "10:35", "works on numbers"),
    "a billion places": (tell("{{ 5 | round(-1000000000) }}"), "10:35", "round: from -15 to 15 places"),
    "no number": (tell("{{ 'nan' | float }}"), "10:35", "no finite number"),
    "number without end": (tell("{{ 1e999 }}"), "10:35", "a number is too large"),
    "sum without end": (tell("{{ 1e308 - -1e308 }}"), "10:35", "no finite number"),
    "center": (tell("{{ 'a' | center(1000000000) }}"), "10:35", "No filter named 'center'"),
    "tojson": (tell("{{ inputs | tojson }}"), "10:35", "No filter named 'tojson'"),
    "batch": (tell("{{ [1] | batch(1000000000) }}"), "10:35", "No filter named 'batch'"),
    "parentheses": (tell("{{ " + "(" * 900 + "1" + ")" * 900 + " }}"), "10:35", "too deeply"),
    "chain of filters": (tell("{{ inputs.link" + " | list" * 200 + " }}"), "10:35", "too deeply"),
    "long template": (tell("x" * 3000 + "{{ inputs.link }}"), "10:35", "longer than 2000"),
    "key of braces": (fill("{{" * 20_000), "12:20", "longer than 2000"),
    "key of spaces": (fill("{{ run.id }}" + " " * 40_000 + "x"), "12:20", "longer than 2000"),
    "key without end": (fill("x" * 40_000), "12:20", "has 40000 characters"),
    "another file": (tell("{% include '/etc/passwd' %}"), "10:35", "imports"),
}
"""Harm -> file, line and column (from 1; none where the file is not read), a part of what is said there."""


def linted(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit code and lines of lint, which comes to an end soon and never as a defect."""
    began = time.perf_counter()
    code = run(["runbook", "lint", str(path)])
    assert time.perf_counter() - began < SOON_S
    told = capsys.readouterr()
    assert "defect" not in told.err
    return code, told.out.splitlines()


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_refused_at_its_place_and_soon(harm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, each line with its file, and nothing in it that a terminal would obey."""
    content, place, message = HARM[harm]
    path = tmp_path / "hostile.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, lines = linted(path, capsys)
    assert code == 1
    assert all(line.startswith(str(path)) and line.isprintable() and len(line) < 1000 for line in lines), lines
    start = f"{path}:{place}: error: " if place else f"{path}: error: "
    assert any(line.startswith(start) and message in line for line in lines), lines


def test_pipe_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder may hold one by any name; nobody writes to it."""
    os.mkfifo(tmp_path / "pipe.yaml")
    code, lines = linted(tmp_path, capsys)
    assert (code, lines) == (1, [f"{tmp_path / 'pipe.yaml'}: error: cannot be read: is no file"])


def test_everything_wrong_with_a_file_that_does_not_load_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What YAML, the schema and lint find stands side by side, and nothing that only follows from it."""
    path = tmp_path / "hostile.yaml"
    path.write_text(
        HEAD
        + "  guard: {exclusive: everything, cooldown: 010}\n"
        + INPUTS
        + "    level: {type: colour, default: 5}\n"
        + "  steps:\n"
        + "    - id: drain\n      action: device.drian\n      with: {node: a}\n      timeout: banana\n"
        + '    - id: tell\n      action: notify.message\n      with: {to: operators, text: "{{ inputs.lnk }}"}\n'
        + "      on_failure: goto:nowhere\n      tittle: Tell\n"
        + VERIFY,
        encoding="utf-8",
    )
    code, lines = linted(path, capsys)
    found = [(*line.removeprefix(f"{path}:").split(": ", 1)[0].split(":"), line.split("error: ")[1]) for line in lines]
    assert code == 1
    assert [(int(line), int(column), told[:24]) for line, column, told in found] == [
        (5, 22, "exclusive is 'everything"),
        (5, 44, "YAML reads 010 as 8: wri"),
        (8, 19, "spec.inputs.level.type: "),
        (11, 15, "there is no action devic"),
        (13, 16, "spec.steps.0.timeout: 'b"),
        (16, 35, "inputs.lnk: there is no "),
        (17, 19, "goto: step nowhere is no"),
        (18, 15, "spec.steps.1.tittle: is "),
    ]
    assert [line.rsplit("did you mean ", 1)[1] for line in lines if "did you mean" in line] == [
        "device.drain?",
        "link?",
        "title?",
    ]


def test_input_with_thousands_of_digits_is_refused_in_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Python itself refuses to read it as a number; it is not even tried."""
    given = f"target_level={'9' * 5000}"
    assert run(["runbook", "plan", "replenish-link", "--link", "a-link", "--input", given]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "bellhop: 'target_level': a value has at most 4000 characters"
