"""Values that the store never takes end what would write them; only what can pass is tried again."""

from pathlib import Path

from bot.errors import StoreUnavailableError
from bot.flow.durable import DurableWorker, Json
from bot.store.trouble import TurnedAwayError, UnfitDataError
from tests.scenarios.stored import until

RUN = "INC-1-R1"


async def turns(folder: Path, error: StoreUnavailableError) -> tuple[int, str]:
    """How often a step is begun whose first turn raises this and whose second one does not; what its workflow caught.

    Two turns are half a second apart.
    """
    worker = DurableWorker(f"sqlite:///{folder / 'bellhop.db'}", executor="bellhop")
    begun: list[str] = []
    caught: list[str] = []

    async def effect() -> Json:
        begun.append("effect")
        if len(begun) == 1:
            raise error
        return {}

    async def workflow(argument: Json) -> Json:
        try:
            return await worker.step("effect", effect)
        except StoreUnavailableError as refused:
            caught.append(str(refused))
            raise

    async def ended() -> bool | None:
        return await worker.finished(RUN) or None

    await worker.launch({"run": workflow})
    try:
        await worker.start("run", id=RUN, argument={})
        await until(ended, within_s=20)
        return len(begun), "".join(caught)
    finally:
        await worker.close()


async def test_an_effect_whose_values_the_store_never_takes_is_not_begun_again(tmp_path: Path) -> None:
    """Its workflow hears of it at once, so that people are told, and nothing is done a second time."""
    assert await turns(tmp_path, UnfitDataError("too long")) == (1, "too long")


async def test_an_effect_that_another_transaction_went_before_is_begun_again(tmp_path: Path) -> None:
    """The same values may pass at the next turn."""
    assert await turns(tmp_path, TurnedAwayError("a deadlock")) == (2, "")
