"""The questions that charts are made of. Answers are plain dicts, the same as in every language and over HTTP.

Each raises InvalidArgumentError for what cannot be asked, NotSyncedError without data, NotFoundError without the dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Mapping, Optional, Sequence, TypedDict, TypeVar

from ._arguments import Moment
from ._axis import QUESTIONS as QUESTIONS

if TYPE_CHECKING:
    from typing_extensions import Never, Unpack

Answer = Dict[str, Any]
T = TypeVar("T")
Ask = Callable[[str, Mapping[str, Any]], T]


class LabelFilter(TypedDict, total=False):
    """Which rows of `monitoring`, whatever their metric."""

    environment: str
    source_name: str
    source_component: str
    source_type: str
    metric_category: str
    metrics: Sequence[str]
    time_start: Moment
    time_end: Moment


class MonitoringFilter(LabelFilter, total=False):
    """Which rows of `monitoring`."""

    metric_name: str


class KpiFilter(TypedDict, total=False):
    """Which rows of `kpi`."""

    source_name: str
    environment: str
    source_type: str
    segment: str
    kpi_category: str
    kpi_names: Sequence[str]
    time_start: Moment
    time_end: Moment


class EvalFilter(TypedDict, total=False):
    """Which metrics of `eval`."""

    metrics: Sequence[str]
    metric_category: str


class Analytics(Generic[T]):
    """`Engine.analytics`, whose methods return the answer, and `AsyncEngine.analytics`, where it is awaited."""

    def __init__(self, ask: Ask[T]) -> None:
        self.monitoring = Monitoring(ask)
        self.kpi = Kpi(ask)
        self.eval = Eval(ask)
        self.signals = Signals(ask)


class _Area(Generic[T]):
    def __init__(self, ask: Ask[T]) -> None:
        self._ask = ask

    def _answer(self, question: str, filter: Mapping[str, Any], **more: Any) -> T:
        return self._ask(question, {**filter, **more})


class Monitoring(_Area[T]):
    """Scores of traces in production."""

    def summary(self, **filter: Unpack[MonitoringFilter]) -> T:
        """Numbers of records and metrics, the average score, the pass rate."""
        return self._answer("monitoring.summary", filter)

    def trends(self, *, granularity: Optional[str] = None, **filter: Unpack[MonitoringFilter]) -> T:
        """Scores over time; `granularity` is hourly, daily or weekly."""
        return self._answer("monitoring.trends", filter, granularity=granularity)

    def breakdown(
        self,
        *,
        threshold: Optional[float] = None,
        group_by: Optional[str] = None,
        **filter: Unpack[MonitoringFilter],
    ) -> T:
        """How many scores pass a threshold, by metric and by another column."""
        return self._answer("monitoring.breakdown", filter, threshold=threshold, group_by=group_by)

    def latency(
        self, *, bins: Optional[int] = None, group_by: Optional[str] = None, **filter: Unpack[MonitoringFilter]
    ) -> T:
        """The distribution of latencies."""
        return self._answer("monitoring.latency", filter, bins=bins, group_by=group_by)

    def classes(
        self, metric: str, group_by: str, *, max_values: Optional[int] = None, **filter: Unpack[MonitoringFilter]
    ) -> T:
        """The distribution of one metric by class: by model, environment and the like."""
        return self._answer("monitoring.classes", filter, metric=metric, group_by=group_by, max_values=max_values)

    def correlation(self, **filter: Unpack[MonitoringFilter]) -> T:
        """The correlation of metrics with each other."""
        return self._answer("monitoring.correlation", filter)

    def classification_breakdown(
        self, *, category_source: Optional[str] = None, **filter: Unpack[MonitoringFilter]
    ) -> T:
        """How often each label of a classification occurs."""
        return self._answer("monitoring.classification_breakdown", filter, category_source=category_source)

    def classification_trends(
        self,
        metric_name: str,
        *,
        category_source: Optional[str] = None,
        granularity: Optional[str] = None,
        **filter: Unpack[LabelFilter],
    ) -> T:
        """How often each label of one classification occurs over time."""
        more = {"metric_name": metric_name, "category_source": category_source, "granularity": granularity}
        return self._answer("monitoring.classification_trends", {**filter, **more})

    def insights(
        self, *, page: Optional[int] = None, limit: Optional[int] = None, **filter: Unpack[MonitoringFilter]
    ) -> T:
        """What analyses say, a page at a time."""
        return self._answer("monitoring.insights", filter, page=page, limit=limit)

    def anomalies(self, *, granularity: Optional[str] = None, **filter: Unpack[MonitoringFilter]) -> T:
        """Times at which scores are unlike those before."""
        return self._answer("monitoring.anomalies", filter, granularity=granularity)


class Kpi(_Area[T]):
    """Key figures."""

    def categories(self, **filter: Unpack[KpiFilter]) -> T:
        """The newest value of each figure, by category."""
        return self._answer("kpi.categories", filter)

    def trends(self, **filter: Unpack[KpiFilter]) -> T:
        """Figures over time."""
        return self._answer("kpi.trends", filter)

    def filters(self, **unknown: Never) -> T:
        """The values that can be filtered by."""
        return self._answer("kpi.filters", unknown)


class Eval(_Area[T]):
    """Scores of evaluations."""

    def summary(self, **filter: Unpack[EvalFilter]) -> T:
        """Statistics of each metric."""
        return self._answer("eval.summary", filter)

    def distribution(self, metric: str, *, bins: Optional[int] = None, max_values: Optional[int] = None) -> T:
        """The distribution of one metric."""
        return self._answer("eval.distribution", {}, metric=metric, bins=bins, max_values=max_values)

    def comparison(self, group_by: str, **filter: Unpack[EvalFilter]) -> T:
        """Metrics side by side, by a column."""
        return self._answer("eval.comparison", filter, group_by=group_by)

    def correlation(self, **filter: Unpack[EvalFilter]) -> T:
        """The correlation of metrics with each other."""
        return self._answer("eval.correlation", filter)

    def radar(self, *, group_by: Optional[str] = None, **filter: Unpack[EvalFilter]) -> T:
        """Averages for a radar chart."""
        return self._answer("eval.radar", filter, group_by=group_by)

    def scatter(
        self, x_metric: str, y_metric: str, *, color_by: Optional[str] = None, max_points: Optional[int] = None
    ) -> T:
        """Two metrics against each other."""
        more = {"x_metric": x_metric, "y_metric": y_metric, "color_by": color_by, "max_points": max_points}
        return self._answer("eval.scatter", more)


class Signals(_Area[T]):
    """People's feedback."""

    def cases(self, *, page: Optional[int] = None, page_size: Optional[int] = None) -> T:
        """Cases with their signals, a page at a time."""
        return self._answer("signals.cases", {}, page=page, page_size=page_size)

    def schema(self, **unknown: Never) -> T:
        """How the signals are to be shown."""
        return self._answer("signals.schema", unknown)
