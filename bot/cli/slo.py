"""`bellhop slo`: from the network's promises to Prometheus rules."""

from pathlib import Path

import click


@click.group(epilog="Example: bellhop slo rules --network network.yaml -o qnet.rules.yaml")
def slo() -> None:
    """Prometheus recording and alerting rules for the network's promises."""


@slo.command(epilog="Example: bellhop slo rules --network network.yaml -o qnet.rules.yaml")
@click.option(
    "--network",
    "network_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("network.yaml"),
    show_default=True,
    help="The network file.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the screen.")
@click.option("--fast", is_flag=True, help="Windows of seconds, for game days and tests.")
def rules(network_file: Path, output: Path | None, fast: bool) -> None:
    """Write burn-rate and symptom alerts for every link."""
    from bot import slo as slo_rules
    from bot.errors import UsageError
    from bot.network_file import load_network

    network = load_network(network_file)
    pace = slo_rules.FAST if fast else slo_rules.STEADY
    for sentence in slo_rules.unreachable(network, pace):
        click.echo(f"bellhop: warning: {sentence}", err=True)
    text = slo_rules.rules(network, pace)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
