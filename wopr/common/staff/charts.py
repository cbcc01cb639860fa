"""Small charts of the admin: a line over the time that has passed since a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wopr.common.staff.looks import EMPTY

WIDTH, HEIGHT = 300, 60


@dataclass(frozen=True)
class Chart:
    """A line, in the words of its numbers and in the coordinates of an SVG."""

    title: str
    now: str
    most: str
    points: str


@dataclass(frozen=True)
class Frame:
    """The stretch of time that a chart shows."""

    since: datetime
    span: timedelta

    def chart(
        self, title: str, marks: Sequence[tuple[datetime, float]], *, unit: str, limit: float = 0
    ) -> Chart:
        """The line through these marks; its top is the limit, or the highest mark without one."""
        values = [value for _, value in marks]
        most = max(values, default=0.0)
        of, top = (f" of {limit:g}", limit) if limit else ("", most)
        return Chart(
            title=title,
            now=f"{values[-1]:.4g}{of} {unit}" if values else EMPTY,
            most=f"{most:.4g} {unit}",
            points=" ".join(self._at(at, value, top) for at, value in marks),
        )

    def _at(self, at: datetime, value: float, top: float) -> str:
        x = (at - self.since) / self.span * WIDTH
        y = (HEIGHT - 1) - min(value / top if top else 0, 1) * (HEIGHT - 2)
        return f"{max(x, 0):.1f},{y:.1f}"
