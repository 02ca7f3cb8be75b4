"""`bellhop runbook`: list, check, show, plan and run runbooks."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import config_option
from bot.cli.pause import said
from bot.cli.runbook_guards import ledger, promote, reset
from bot.cli.runbook_steering import abort, retry, skip

if TYPE_CHECKING:
    from bot.diagnosis.rules import Rules
    from bot.model.run_inputs import Scalar
    from remediation.errors import Fault
    from remediation.load import Library, Loaded
    from remediation.playbooks import Playbook
    from remediation.schema import Runbook

_DEFAULT_CONFIG = Path("bellhop.yaml")
_EXAMPLE = "\b\nExamples:\n  bellhop runbook lint runbooks/\n  bellhop runbook plan f1-excess-loss --link ams-rpt1"

_format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_library_option = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    envvar="BELLHOP_CONFIG",
    help="Take the runbooks of this configuration; bellhop.yaml where there is one, else those that are shipped.",
)
_input_option = click.option(
    "--input", "given", multiple=True, metavar="NAME=VALUE", help="An input of the runbook; repeatable."
)


@click.group(epilog=_EXAMPLE)
def runbook() -> None:
    """List, check, show, plan, run and test runbooks."""


@runbook.command(name="list")
@_library_option
@_format_option
def list_(config: Path | None, format_: str) -> None:
    """The runbooks at hand, a line each."""
    runbooks = _library(config).runbooks
    if format_ == "json":
        click.echo(json.dumps([_summary(each) for each in runbooks]))
        return
    for each in runbooks:
        start = "auto" if each.spec.trigger.auto else "by hand"
        click.echo(f"{each.metadata.name:28} {','.join(each.spec.handles) or '-':6} {start:8} {each.metadata.title}")
    for guide in _guides(config):
        click.echo(f"{guide.name:28} {'-':6} {'people':8} {guide.title}")


@runbook.command(epilog="\b\nExample:\n  bellhop runbook lint runbooks/ my-runbook.yaml")
@_library_option
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
def lint(config: Path | None, paths: tuple[Path, ...]) -> int:
    """Check files or folders, or the runbooks at hand: a line per fault; exit 1 if there is an error.

    Where there is a configuration, links, nodes and flows that are written out must be in its network.
    """
    from remediation.errors import FileFaultsError, Severity
    from remediation.load import paths_of

    try:
        files = [each for path in paths for each in ([path] if path.is_file() else paths_of(path))]
        faults, count = _faults(files or paths_of(_folder(config)), config)
    except FileFaultsError as error:
        faults, count = error.faults, 0
    for fault in sorted(faults):
        click.echo(str(fault))
    if any(fault.severity is Severity.ERROR for fault in faults):
        return 1
    click.echo(f"{count} runbook{'' if count == 1 else 's'}, no errors", err=True)
    return 0


@runbook.command()
@_library_option
@click.argument("name")
@_format_option
def show(config: Path | None, name: str, format_: str) -> None:
    """A runbook, or a playbook for people, as it is written."""
    from remediation.playbooks import named

    guide = named(_guides(config), name)
    if guide is not None:
        click.echo(json.dumps({"name": guide.name, "title": guide.title}) if format_ == "json" else guide.text)
        return
    loaded = _named(config, name)
    if format_ == "json":
        click.echo(loaded.runbook.model_dump_json(by_alias=True))
        return
    click.echo(Path(loaded.document.file).read_text(encoding="utf-8"), nl=False)


@runbook.command(
    epilog="\b\nExample:\n  bellhop runbook plan f4-entanglement-exhaustion --link ams-rpt1 --config bellhop.yaml"
)
@_library_option
@click.argument("name")
@click.option("--link", default=None, help="The link in trouble; for a node's runbook the link to watch.")
@click.option("--node", default=None, help="The node in trouble.")
@_input_option
@_format_option
def plan(
    *, config: Path | None, name: str, link: str | None, node: str | None, given: tuple[str, ...], format_: str
) -> None:
    """What a run would do and what it is predicted to change; nothing is done."""
    loaded = _named(config, name)
    if link is None and node is None:
        raise click.UsageError("say where: --link LINK or --node NODE")
    from bot.cli.runbook_plan import plan_now

    inputs = _inputs(loaded.runbook, given)
    _sound(config, Path(loaded.document.file))
    found = asyncio.run(plan_now(_present(config), loaded.runbook, link, node, inputs))
    if format_ == "json":
        click.echo(json.dumps(found.to_json()))
        return
    from bot.cli.runbook_text import print_plan

    print_plan(found)


@runbook.command(
    epilog="\b\nExamples:\n  bellhop runbook run INC-7\n"
    "  bellhop runbook run INC-7 f4-entanglement-exhaustion --input hold_rate=0.2"
)
@config_option
@click.argument("incident")
@click.argument("name", default="")
@click.option("--runbook", "named", default="", help="The same as NAME.")
@_input_option
def run(config: Path, incident: str, name: str, named: str, given: tuple[str, ...]) -> int:
    """Start the runbook NAME on an open incident, the diagnosis' own without NAME; the running bot carries it out."""
    from bot.model.run_inputs import inputs_of

    if name and named and name != named:
        raise click.UsageError(f"which one: {name} or {named}? Name one runbook")
    inputs = inputs_of(given)
    return asyncio.run(
        said(config, lambda bellhop, me: bellhop.desk.run(incident, me, name or named or None, inputs=inputs))
    )


@runbook.command(epilog="\b\nExample:\n  bellhop runbook test f4-entanglement-exhaustion")
@_library_option
@click.argument("name")
@click.option("--seed", default=7, show_default=True, type=int, help="Seed of the simulated network's noise.")
def test(config: Path | None, name: str, seed: int) -> int:
    """Run a runbook on a simulated network with its fault; exit code 0 only when it heals.

    Every approval is given. Nothing outside this machine is asked or changed.
    """
    from bot.cli.runbook_trial import heals

    wanted = _named(config, name).runbook
    places = (_folder(config), _own_rules(config))
    folder, rules = (place and place.resolve() for place in places)
    return 0 if asyncio.run(heals(wanted, folder=folder, rules=rules, seed=seed)) else 1


@runbook.command()
def actions() -> None:
    """The reference of every action that a step can name, as Markdown."""
    from remediation.reference import actions_page

    click.echo(actions_page(), nl=False)


@runbook.command()
def schema() -> None:
    """The JSON Schema of a runbook, for editors."""
    from bot.telemetry.catalogue import CATALOGUE
    from remediation.editor_schema import runbook_schema

    click.echo(json.dumps(runbook_schema(CATALOGUE), indent=2))


for _command in (ledger, reset, promote, abort, skip, retry):
    runbook.add_command(_command)


def _sound(config: Path | None, file: Path) -> None:
    """Refuse to plan a runbook that has errors, with the first one and how to see them all."""
    from bot.errors import UsageError
    from remediation.errors import Severity

    faults, _ = _faults([file], config)
    wrong = sorted(fault for fault in faults if fault.severity is Severity.ERROR)
    if wrong:
        raise UsageError(f"{wrong[0]}; see all with: bellhop runbook lint {file}")


def _present(config: Path | None) -> Path | None:
    return config or (_DEFAULT_CONFIG if _DEFAULT_CONFIG.is_file() else None)


def _folder(config: Path | None) -> Path | None:
    from bot.settings import load_settings

    present = _present(config)
    return load_settings(present).runbooks.directory if present else None


def _rules(config: Path | None) -> "Rules":
    """The diagnosis' rules, the configured ones among them."""
    from bot.diagnosis.rules import load_rules

    return load_rules(_own_rules(config))


def _own_rules(config: Path | None) -> Path | None:
    from bot.settings import load_settings

    present = _present(config)
    return load_settings(present).runbooks.rules if present else None


def _guides(config: Path | None) -> "tuple[Playbook, ...]":
    from remediation.playbooks import load_playbooks

    return load_playbooks(_folder(config))


def _library(config: Path | None) -> "Library":
    from remediation.load import load_library

    return load_library(_folder(config))


def _named(config: Path | None, name: str) -> "Loaded":
    from remediation.errors import UnknownNameError

    library = _library(config)
    try:
        wanted = library.get(name)
    except UnknownNameError as error:
        guides = ", ".join(guide.name for guide in _guides(config))
        raise UnknownNameError(f"{error}; playbooks for people: {guides or 'none'}") from None
    return next(each for each in library.loaded if each.runbook is wanted)


def _summary(each: "Runbook") -> dict[str, Any]:
    handles, trigger = list(each.spec.handles), each.spec.trigger
    return {"name": each.metadata.name, "title": each.metadata.title, "handles": handles, "auto": trigger.auto}


def _faults(files: Sequence[Path], config: Path | None) -> "tuple[tuple[Fault, ...], int]":
    """The faults of files, those that do not load among them, and how many files there are."""
    from bot.cli.runbook_known import known_names
    from bot.lint_facts import signal_kinds
    from remediation.errors import FileFaultsError
    from remediation.lint_partial import examine
    from remediation.load import read, same_names

    modes = frozenset(each.mode for each in _rules(config).modes)
    signals, network = signal_kinds(), known_names(_present(config))
    loaded: list[Loaded] = []
    faults: list[Fault] = []
    for path in dict.fromkeys(files):
        try:
            found, told = examine(read(path), signals=signals, modes=modes, network=network)
        except FileFaultsError as error:
            found, told = None, error.faults
        loaded += [found] if found is not None else []
        faults += told
    return (*faults, *same_names(loaded)), len(set(files))


def _inputs(wanted: "Runbook", given: tuple[str, ...]) -> "dict[str, Scalar]":
    from bot.model.run_inputs import as_kind, inputs_of

    known, words = wanted.spec.inputs, inputs_of(given)
    if unknown := sorted(words.keys() - known.keys()):
        raise click.UsageError(
            f"{', '.join(unknown)}: no input of {wanted.metadata.name} ({', '.join(known) or 'none'})"
        )
    return {name: as_kind(text, known[name].type) for name, text in words.items()}
