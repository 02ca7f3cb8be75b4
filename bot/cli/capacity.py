"""`bellhop capacity`: what a link or a channel can deliver, which code fits, and any published quantity by name."""

from pathlib import Path
from typing import Any

import click

from bot.cli.capacity_evaluate import evaluate
from bot.cli.options import config_option
from bot.errors import UsageError

_EXAMPLE = """
\b
Examples:
  bellhop capacity ams-rpt1
  bellhop capacity ams-rpt1 --at 2026-01-05T12:00:00Z --plot ams-rpt1.png
  bellhop capacity ams-rpt1 --compare-codes
  bellhop capacity ams-rpt1 --vary loss_db=season:0.6 --vary t2_s=normal:10%
  bellhop capacity --channel depolarizing --p 0.05
  bellhop capacity --channel depolarizing --p 0.01 --compare-codes --slo 0.001
  bellhop capacity evaluate published.jsonl
"""
_CHANNELS = (
    "depolarizing",
    "dephasing",
    "pauli",
    "erasure",
    "amplitude-damping",
    "generalized-amplitude-damping",
    "t1t2",
    "pure-loss",
    "thermal-loss",
)
_VARY = "A season (amplitude) or normal scatter (deviation) of a parameter of LINK; repeatable."
_PARAMETERS = {
    "p": "Total error (depolarizing, dephasing) or erasure probability.",
    "px": "X error probability (pauli).",
    "py": "Y error probability (pauli).",
    "pz": "Z error probability (pauli).",
    "gamma": "Decay probability (amplitude-damping).",
    "population": "Thermal population of |1> (generalized-amplitude-damping).",
    "eta": "Transmissivity (pure-loss, thermal-loss).",
    "nbar": "Photons of the environment (thermal-loss).",
    "photons": "Mean photons per mode, for energy-limited capacities (pure-loss).",
    "t": "Storage time in s (t1t2).",
    "t1": "Relaxation time in s (t1t2).",
    "t2": "Coherence time in s (t1t2).",
}


class LinkOrEvaluate(click.Command):
    """A command whose first word may be `evaluate`: then that command has the rest of the line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The usual options, unless `evaluate` stands first."""
        if args[:1] == ["evaluate"]:
            ctx.meta["bot.cli.capacity.evaluate"] = args[1:]
            return []
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Itself or `evaluate`."""
        words = ctx.meta.get("bot.cli.capacity.evaluate")
        if words is None:
            return super().invoke(ctx)
        with evaluate.make_context("evaluate", words, parent=ctx) as inner:
            return evaluate.invoke(inner)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the one subcommand."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([("evaluate FILE", evaluate.get_short_help_str(limit=100))])


def _parameters(command: Any) -> Any:  # noqa: ANN401 - a decorator takes and gives what click makes of a function
    for name, help_ in reversed(_PARAMETERS.items()):
        command = click.option(f"--{name}", f"parameter_{name}", type=float, help=help_)(command)
    return command


@click.command(cls=LinkOrEvaluate, epilog=_EXAMPLE)
@click.argument("link", required=False)
@config_option
@click.option("--at", default=None, help="When, as RFC 3339 such as 2026-01-05T12:00:00Z; now when left out.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Also write a figure of LINK to FILE.")
@click.option("--vary", multiple=True, metavar="PARAMETER=KIND:SIZE", help=_VARY)
@click.option("--channel", type=click.Choice(_CHANNELS), help="A bare channel instead of a link.")
@_parameters
@click.option("--uses", default=1000, show_default=True, type=click.IntRange(1, 200_000), help="Block length n.")
@click.option("--eps", default=1e-3, show_default=True, type=float, help="Error allowed per block.")
@click.option("--compare-codes", is_flag=True, help="Rank codes by cost per delivered logical qubit.")
@click.option("--slo", type=float, help="Logical error allowed, for --compare-codes.  [default: the link's, or 0.001]")
@click.option("--cost-per-pair", type=float, help="Cost of one physical pair.  [default: the link's, or 1]")
@click.option("--fixed-cost", default=0.0, show_default=True, type=float, help="Cost of one block beside its pairs.")
@click.option("--allow-discard", is_flag=True, help="The payload can be sent again, so error detection is allowed.")
@click.option("--pairs-per-s", type=float, help="Physical pairs per second, for delivered rates of a channel.")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json"]))
def capacity(link: str | None, channel: str | None, **options: Any) -> None:  # noqa: ANN401 - click's
    """What LINK, or a bare channel, can deliver and what limits it; finite-block beside asymptotic numbers."""
    given = {name: options.pop(f"parameter_{name}") for name in _PARAMETERS}
    known = {name: value for name, value in given.items() if value is not None}
    if link is not None and channel is not None:
        raise UsageError("two things were asked", hint="name a link, or a channel with --channel, not both")
    if link is not None and known:
        raise UsageError(f"--{next(iter(known))} belongs to --channel", hint="telemetry says what a link's is")
    if channel is not None:
        _channel(channel, known, options)
    elif link is not None:
        _link(link, options)
    else:
        raise UsageError("nothing was asked", hint="name a link, or a channel with --channel")


def _channel(channel: str, values: dict[str, float], options: dict[str, Any]) -> None:
    for name in ("at", "plot", "vary"):
        if options[name]:
            raise UsageError(f"--{name} is for a link", hint="name one instead of --channel")
    if not options["compare_codes"]:
        from bot.cli.capacity_channel import show

        show(channel, values, uses=options["uses"], eps=options["eps"], form=options["form"])
        return
    from bot.capacity.report import total_error
    from bot.cli import capacity_codes

    capacity_codes.show(
        capacity_codes.Scenario(
            title=f"Codes for {channel}",
            p=total_error(channel, values),
            pairs_per_s=options["pairs_per_s"] or 0.0,
            slo=1e-3 if options["slo"] is None else options["slo"],
            cost_per_pair=1.0 if options["cost_per_pair"] is None else options["cost_per_pair"],
            fixed_cost=options["fixed_cost"],
            allow_discard=options["allow_discard"],
        ),
        options["form"],
    )


def _link(link: str, options: dict[str, Any]) -> None:
    from bot.cli import capacity_plot, capacity_text
    from bot.cli.capacity_link import Asked, answer
    from bot.cli.capacity_vary import factor

    if options["plot"] is not None:
        capacity_plot.check()
    varied = tuple(factor(each) for each in options["vary"])
    at = _instant(options["at"])
    asked = Asked(link, options["config"], at, varied, options["uses"], options["eps"])
    told = answer(asked)
    if options["plot"] is not None:
        capacity_plot.draw(told, options["plot"])
    if options["compare_codes"]:
        from bot.cli import capacity_codes

        scenario = capacity_codes.of_link(
            told.link,
            told.estimate,
            slo=options["slo"],
            cost=options["cost_per_pair"],
            fixed=options["fixed_cost"],
            allow_discard=options["allow_discard"],
        )
        capacity_codes.show(scenario, options["form"])
    elif options["form"] == "json":
        capacity_text.show_json(told)
    else:
        capacity_text.show(told)


def _instant(text: str | None) -> float | None:
    from bot.model.time import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from None
