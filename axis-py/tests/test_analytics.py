"""Every question is a method, and answers the same as by its name."""

from __future__ import annotations

import datetime as dt
import inspect

import pytest

import axis
from axis.analytics import QUESTIONS

REQUESTS: dict[str, dict[str, object]] = {
    "monitoring.classes": {"metric": "metric_score", "group_by": "environment"},
    "monitoring.correlation": {"metrics": ["faithfulness", "other"]},
    "monitoring.classification_trends": {"metric_name": "faithfulness"},
    "eval.distribution": {"metric": "a"},
    "eval.comparison": {"group_by": "model_name"},
    "eval.scatter": {"x_metric": "a", "y_metric": "b"},
}


def test_the_methods_are_the_questions(engine: axis.Engine) -> None:
    areas = {name: area for name, area in vars(engine.analytics).items()}
    methods = [
        f"{area}.{name}" for area in areas for name, _ in inspect.getmembers(areas[area], inspect.ismethod) if name[0] != "_"
    ]
    assert sorted(methods) == sorted(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_method_asks_its_question(engine: axis.Engine, question: str) -> None:
    if question.startswith("monitoring."):
        engine["monitoring"].sync()
    area, name = question.split(".")
    method = getattr(getattr(engine.analytics, area), name)
    request = REQUESTS.get(question, {})

    def outcome(ask: object) -> object:
        try:
            return ask()  # type: ignore[operator]
        except axis.Error as error:
            return type(error), str(error)

    by_method, by_name = outcome(lambda: method(**request)), outcome(lambda: engine.ask(question, request))
    assert by_method == by_name
    if question.startswith(("monitoring.", "kpi.")):
        assert isinstance(by_method, dict)
    else:
        assert by_method[0] in (axis.NotSyncedError, axis.NotFoundError)  # type: ignore[index]


def test_optional_arguments_reach_the_engine(engine: axis.Engine) -> None:
    engine["monitoring"].sync()
    monitoring = engine.analytics.monitoring
    whole, part = monitoring.summary(), monitoring.summary(environment="prod", time_start=dt.datetime(2026, 1, 1, 5))
    assert whole != part
    assert monitoring.latency(bins=5) != monitoring.latency(bins=6)
    assert monitoring.trends(granularity="hourly") != monitoring.trends(granularity="weekly")
    for wrong in (
        lambda: monitoring.trends(granularity="yearly"),
        lambda: monitoring.summary(nonsense=1),  # type: ignore[call-arg]
        lambda: monitoring.breakdown(threshold="x"),  # type: ignore[arg-type]
        lambda: engine.ask("monitoring.summary", [1]),  # type: ignore[arg-type]
    ):
        with pytest.raises(axis.InvalidArgumentError):
            wrong()
    with pytest.raises(axis.NotFoundError, match="monitoring.summary"):
        engine.ask("monitoring.sumary")
