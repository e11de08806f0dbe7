"""Upserts take one object or `{"items": […]}`; what both resources answer to the second."""

from collections.abc import Sequence
from typing import Literal

from app.books.upserts import Outcome
from app.edge.models import Answer

ONE, BATCH = "#one", "#batch"
"""Tags of the two forms; the leading # keeps them out of the pointers in problem documents."""


def which(body: object) -> str:
    """The form of a body, by its looks alone."""
    given = body if isinstance(body, dict) else getattr(body, "model_fields_set", ())
    return BATCH if "items" in given else ONE


class ItemAnswer(Answer):
    """What became of one item."""

    index: int
    id: int
    external_ref: str | None
    revision: int
    result: Literal["created", "updated", "unchanged"]


class BatchAnswer(Answer):
    """What became of a batch: all of it was stored, or none."""

    items: list[ItemAnswer]
    created: int
    updated: int
    unchanged: int


def batch_answer(outcomes: Sequence[Outcome]) -> BatchAnswer:
    """The answer for these outcomes, in the order of the request."""
    results = [outcome.result for outcome in outcomes]
    items = [
        {
            "index": index,
            "id": outcome.id,
            "external_ref": outcome.external_ref,
            "revision": outcome.revision,
            "result": outcome.result,
        }
        for index, outcome in enumerate(outcomes)
    ]
    counts = {result: results.count(result) for result in ("created", "updated", "unchanged")}
    return BatchAnswer.model_validate({"items": items, **counts})
