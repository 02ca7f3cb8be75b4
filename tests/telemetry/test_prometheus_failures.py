"""A Prometheus that fails gives one clear typed error or a quality, never a traceback and never zero."""

import asyncio
import json

import numpy as np
import pytest

from bot.errors import TelemetryUnavailableError
from bot.model.telemetry import Quality, Window
from bot.settings import Far
from bot.telemetry.catalogue import CATALOGUE
from bot.telemetry.discovery import Discovery
from bot.telemetry.prometheus import PrometheusTelemetry
from tests.support.prometheus import Asked, Reply, far_side, free_port, matrix

START = 1_767_225_600.0


async def ask(address: str, *, patience_s: float = 10.0, signals: tuple[str, ...] = ("qber",)) -> Window:
    """A minute of telemetry from `address`."""
    source = PrometheusTelemetry(Far(url=address, timeout=patience_s))
    try:
        return await source.window(signals, start=START, end=START + 60, step=15)
    finally:
        await source.aclose()


async def failure(address: str, *, patience_s: float = 10.0) -> TelemetryUnavailableError:
    """The error that the same question ends with."""
    with pytest.raises(TelemetryUnavailableError) as caught:
        await ask(address, patience_s=patience_s)
    assert "\n" not in str(caught.value)
    assert address in caught.value.message, "the line says which source"
    return caught.value


async def test_nobody_listening_is_said_in_one_line() -> None:
    """Connection refused: the address is named and the cause given."""
    error = await failure(f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in error.message


async def test_a_silent_prometheus_costs_the_configured_timeout_and_no_more() -> None:
    """The source's own patience ends the wait, for every signal at once, without a second try."""
    with far_side(lambda _: Reply(), silent=True) as side:
        async with asyncio.timeout(5):
            error = await failure(side.address, patience_s=0.3)
        assert "did not answer within 0.3 s" in error.message
        assert "telemetry.prometheus.timeout" in error.hint
        assert len(side.asked) == 1
        assert side.asked[0].form["timeout"] == "300ms", "Prometheus is told to give up as well"


async def test_an_answer_that_drips_costs_the_timeout_as_well() -> None:
    """Patience is for the whole answer, not for each byte of it: ten seconds of dripping end after 0.3."""
    with far_side(lambda _: Reply(b" " * 200), dripping=True) as side:
        async with asyncio.timeout(5):
            assert "did not answer within 0.3 s" in (await failure(side.address, patience_s=0.3)).message


async def test_a_silent_prometheus_stops_all_questions_under_way() -> None:
    """The first failure ends the window; no query is asked after it."""
    with far_side(lambda _: Reply(), silent=True) as side:
        async with asyncio.timeout(5):
            with pytest.raises(TelemetryUnavailableError):
                await ask(side.address, patience_s=0.3, signals=tuple(CATALOGUE))
        assert len(side.asked) == 4, "four are under way at once, the others were never sent"


GARBAGE = {
    "nothing": b"",
    "a web page": b"<html><body>Sign in</body></html>",
    "half an answer": b'{"status":"success","data":{"resultType":"matrix","resu',
    "no text": b"\xff\xfe\x00\x01",
    "another shape": b'{"status":"success","data":{"resultType":"vector","result":[]}}',
    "no data": b'{"status":"success"}',
    "a list": b"[]",
    "numbers for labels": b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"link":3}}]}}',
    "words for samples": matrix([({"link": "a"}, [(START, "many")])]),
    "half a sample": b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}',
    "samples of another day": matrix([({"link": "a"}, [(START - 86400, "1")])]),
    "an instant that is none": matrix([({"link": "a"}, [(float("nan"), "1")])]),
    "refused in words": b'{"status":"error","errorType":"bad_data","error":"no such function"}',
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_an_answer_that_is_no_telemetry_is_refused(name: str) -> None:
    """Whatever a proxy or a wrong address may answer with status 200."""
    with far_side(lambda _: Reply(GARBAGE[name])) as side:
        error = await failure(side.address)
    if name == "refused in words":
        assert "no such function" in error.message


async def test_503_is_retryable_and_hands_on_how_long_to_wait() -> None:
    """The wish in Retry-After comes back with the error; nothing is tried again in secret."""
    body = json.dumps({"status": "error", "errorType": "unavailable", "error": "query queue is full"}).encode()
    with far_side(lambda _: Reply(body, 503, {"Retry-After": "7"})) as side:
        error = await failure(side.address)
        assert error.retry_after == 7.0
        assert "503" in error.message
        assert "query queue is full" in error.message
        assert len(side.asked) == 1


async def test_a_date_in_retry_after_is_no_number_of_seconds() -> None:
    """HTTP allows a date there; it is passed over."""
    with far_side(lambda _: Reply(b"", 503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})) as side:
        assert (await failure(side.address)).retry_after is None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_sign_in_says_what_to_check(status: int) -> None:
    """Nobody should have to guess that a token is missing."""
    with far_side(lambda _: Reply(b"nope", status)) as side:
        error = await failure(side.address)
    assert str(status) in error.message
    assert "token or password" in error.hint


async def test_a_redirect_is_not_followed() -> None:
    """A token must not travel to another address; the status is told instead."""
    with far_side(lambda _: Reply(b"", 302, {"Location": "http://127.0.0.1:9/"})) as side:
        assert "302" in (await failure(side.address)).message


async def test_partial_data_comes_with_its_warnings() -> None:
    """What Thanos and Mimir warn about reaches the window once, the values stay."""
    body = matrix([({"link": "a"}, [(START + 60, "0.02")])], warnings=["store a unreachable"], infos=["not a counter"])
    with far_side(lambda _: Reply(body)) as side:
        window = await ask(side.address, signals=("qber", "control_rtt"))
    assert window.warnings == ("store a unreachable",)
    assert window.signals["qber"].last("a") == 0.02
    assert window.signals["qber"].quality_of("a") is Quality.FRESH


async def test_no_series_is_missing_and_never_zero() -> None:
    """An empty answer has no rows; a subject without a row is MISSING and has no last value."""
    with far_side(lambda _: Reply(matrix([]))) as side:
        window = await ask(side.address, signals=tuple(CATALOGUE))
    for signal in window.signals.values():
        assert signal.subjects == ()
        assert signal.quality_of("a") is Quality.MISSING
        assert signal.last("a") is None


async def test_a_series_without_the_label_is_nobodys() -> None:
    """A recording rule that lost `link` must not become a subject."""
    body = matrix([({}, [(START, "1")]), ({"link": ""}, [(START, "1")]), ({"link": "a"}, [(START, "NaN")])])
    with far_side(lambda _: Reply(body)) as side:
        assert (await ask(side.address)).signals["qber"].subjects == ()


async def test_impossible_values_are_out_of_range() -> None:
    """Negative, infinite and above one for a ratio: dropped, and said."""
    values = {"negative": "-0.1", "infinite": "+Inf", "minus infinite": "-Inf", "above one": "1.5", "good": "0.25"}
    with far_side(
        lambda _: Reply(matrix([({"link": link}, [(START + 60, text)]) for link, text in values.items()]))
    ) as side:
        signal = (await ask(side.address)).signals["qber"]
    for link in values.keys() - {"good"}:
        assert signal.quality_of(link) is Quality.OUT_OF_RANGE, link
        assert signal.last(link) is None, link
        assert np.isinf(signal.age_s[signal.subjects.index(link)]), link
    assert signal.last("good") == 0.25


def discovery_answers(asked: Asked) -> Reply:
    """A web page for everything."""
    return Reply(b"<html>Sign in</html>")


async def test_discovery_fails_in_the_same_way() -> None:
    """Down, silent, garbage and refusal: one line each."""
    with pytest.raises(TelemetryUnavailableError, match="cannot be reached"):
        await Discovery(Far(url=f"http://127.0.0.1:{free_port()}")).metrics()
    with far_side(discovery_answers) as side, pytest.raises(TelemetryUnavailableError):
        await Discovery(Far(url=side.address)).metrics()
    with far_side(lambda _: Reply(b"no", 401)) as side, pytest.raises(TelemetryUnavailableError, match="401"):
        await Discovery(Far(url=side.address)).instant("up")
    with far_side(lambda _: Reply(), silent=True) as side:
        async with asyncio.timeout(5):
            with pytest.raises(TelemetryUnavailableError):
                await Discovery(Far(url=side.address, timeout=0.3)).instant("up")
        assert len(side.asked) == 1, "no hidden retries"
