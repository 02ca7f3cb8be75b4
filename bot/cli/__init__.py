"""The command line. Each command's file is imported only when it is asked for, so that --help is quick."""

import importlib

import click

from bot import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("bot.cli.demo", "The whole story on this machine: fault, alert, diagnosis, fix, postmortem."),
    "serve": ("bot.cli.serve", "The bot: alert intake, Slack, web pages, runbook workers."),
    "doctor": ("bot.cli.doctor", "Check configuration, telemetry, store, Slack and controller, a line each."),
    "init": ("bot.cli.init", "Write a commented configuration, network, Slack manifest and runbooks to start from."),
    "diagnose": ("bot.cli.diagnose", "One diagnosis of a link, or many from a file; read-only."),
    "evaluate": ("bot.cli.evaluate", "How good the diagnosis is, on labelled incidents made for the purpose."),
    "capacity": ("bot.cli.capacity", "What a link or channel can deliver, and what limits it."),
    "runbook": ("bot.cli.runbook", "List, check, show, plan, run and test runbooks."),
    "incident": ("bot.cli.incident", "List, show, acknowledge, note and resolve incidents."),
    "approve": ("bot.cli.approve", "Approve a step of a run that waits for people."),
    "reject": ("bot.cli.reject", "Reject a step of a run that waits for people."),
    "settle": ("bot.cli.settle", "Say whether an act happened of which nobody knows; its run waits for that."),
    "review": ("bot.cli.review", "Judge a step that one person let go ahead alone; or list what is owed."),
    "pause": ("bot.cli.pause", "Let no run act: the kill switch."),
    "resume": ("bot.cli.pause", "Let runs act again."),
    "maintenance": ("bot.cli.maintenance", "Announce work on a link or node, during which its alerts call nobody."),
    "replenish": ("bot.cli.replenish", "Fill the pool of a link on request."),
    "reroute": ("bot.cli.reroute", "Move a flow to its alternate route on request."),
    "postmortem": ("bot.cli.postmortem", "The drafted report of an incident."),
    "simulate": ("bot.cli.simulate", "Serve a simulated network: /metrics and a controller."),
    "gameday": ("bot.cli.gameday", "Break a simulated network, let the bot handle it, and score what it did."),
    "slo": ("bot.cli.slo", "Prometheus recording and alerting rules for the network's promises."),
    "dashboards": ("bot.cli.dashboards", "Grafana dashboards with the queries of the diagnosis."),
}
"""Command name -> (module that has it as an attribute of the same name, one line of help)."""

_EXAMPLE = """
\b
Examples:
  bellhop demo --scenario f4
  bellhop init my-network && bellhop serve --config my-network/bellhop.yaml
  bellhop diagnose ams-rpt1 --config bellhop.yaml
"""


class LazyGroup(click.Group):
    """A group whose commands live in their own modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=_EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bellhop")
def bellhop() -> None:
    """Incident response for quantum networks: from an alert to a verified fix and a written postmortem."""
