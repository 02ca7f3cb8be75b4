"""What is owed after one person let a step go ahead alone: somebody else looks at it and says what they think."""

from collections.abc import Mapping

from bot.flow.approving import against_role, against_words, as_known, refuse
from bot.flow.authority import Authority
from bot.flow.durable import DurableClient
from bot.flow.journal import Journal
from bot.flow.past import incident_of
from bot.model.event import Event
from bot.model.guard_event import ReviewClosed, Verdict, WishRefused
from bot.model.incident import Incident, Review
from bot.model.person import Answer, Person
from bot.settings import PersonSettings
from bot.store import Transaction
from bot.store.review_rows import ReviewRows


class Reviews:
    """Lists reviews that are owed, and closes them."""

    def __init__(self, *, journal: Journal, client: DurableClient, people: Mapping[str, PersonSettings]) -> None:
        self._journal = journal
        self._client = client
        self._people = people
        self._authority = Authority(people)

    async def owed(self) -> tuple[Review, ...]:
        """Every review that is open, those of incidents that are over too, oldest first."""

        def work(transaction: Transaction) -> tuple[Review, ...]:
            views = (self._journal.view(transaction, each) for each in ReviewRows(transaction).incidents())
            return tuple(review for view in views for review in view.reviews)

        return tuple(sorted(await self._journal.store.read(work), key=lambda review: review.opened_at))

    async def close(self, run: str, step: str, by: Person, *, verdict: Verdict, note: str) -> Answer:
        """Judge a step that went ahead on another person's word; a refusal stands in the incident.

        A postmortem that was published before is published again.
        """
        by, note = as_known(self._people, by), note.strip()
        if unclear := against_words(note, "why you think so"):
            return Answer(done=False, message=unclear)

        def decide(view: Incident, transaction: Transaction) -> Answer:
            review = next((each for each in view.reviews if (each.run, each.step) == (run, step)), None)
            refusal = (
                _nothing_owed(transaction.events(view.id), run, step)
                if review is None
                else against_role(by, review.roles, f"review {step}") or self._against_own(review, by)
            )
            if refusal:
                wish = WishRefused(run=run, step=step, wish="close the review", reason=refusal)
                return refuse(self._journal, transaction, view, wish, by)
            body = ReviewClosed(run=run, step=step, verdict=verdict, note=note)
            transaction.append(view.id, [self._journal.entry(body, key=f"review:{run}:{step}", by=by.id)])
            if view.postmortem:
                reviewed = f"{run}:{step}"
                self._client.enqueue_publication(transaction, incident=view.id, cause=reviewed, review=reviewed)
            return Answer(done=True, message=f"the review of {step} of {run} is closed by {by.name}: {verdict}")

        return await self._journal.decide(incident_of(run), decide)

    def _against_own(self, review: Review, by: Person) -> str:
        if self._authority.same(by, review.by):
            return f"{by.name} broke the glass for {review.step}; somebody else must review it"
        return ""


def owing(view: Incident) -> str:
    """What an incident still owes, to be said where somebody closes it; nothing where nothing is owed."""
    if not view.reviews:
        return ""
    steps = ", ".join(f"{each.step} of {each.run}" for each in view.reviews)
    first = view.reviews[0]
    closed_by = f"somebody other than {first.by} closes it with: bellhop review {first.run} {first.step}"
    if len(view.reviews) == 1:
        return f"the review of {steps} is still open; {closed_by}"
    return f"{len(view.reviews)} reviews are still open ({steps}); `bellhop review` lists them"


def _nothing_owed(history: tuple[Event, ...], run: str, step: str) -> str:
    for event in history:
        match event.body:
            case ReviewClosed(run=which, step=what, verdict=verdict) if (which, what) == (run, step):
                return f"{event.by} closed the review of {step} before: {verdict}"
    return f"nobody broke the glass for {step} of {run}; there is nothing to review"
