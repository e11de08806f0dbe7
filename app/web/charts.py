"""Charts as SVG, drawn here: made of attributes alone, which the pages' policy permits."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import leather
from markupsafe import Markup

COLOURS: Final = ("#0f766e", "#b45309")
_DAYS: Final = 30


def _dress() -> None:
    """Our letters and colours; leather keeps them per process."""
    for part in ("title", "axis_title", "tick", "legend"):
        setattr(leather.theme, f"{part}_font_family", "system-ui, sans-serif")
    leather.theme.background_color = "#ffffff"
    leather.theme.label_color = "#4c5a69"
    leather.theme.legend_color = "#16202b"
    leather.theme.axis_title_color = "#16202b"
    leather.theme.default_series_colors = list(COLOURS)


_dress()


def by_day(series: Mapping[str, Mapping[date, int]], today: date, title: str) -> Markup:
    """Lines over the last thirty days; a day without an entry is none."""
    days = [today - timedelta(days=back) for back in range(_DAYS - 1, -1, -1)]
    highest = max((value for values in series.values() for value in values.values()), default=0)
    chart = leather.Chart()
    for name, values in series.items():
        chart.add_line([(day, values.get(day, 0)) for day in days], name=name, width=2)
    chart.add_x_scale(days[0], days[-1])
    chart.add_y_scale(0, max(highest, 4))
    chart.add_x_axis(ticks=days[::7], tick_formatter=lambda day, _index, _count: f"{day:%d %b}")
    chart.add_y_axis(tick_formatter=_whole)
    return _drawn(chart, title, 240)


def bars(values: Sequence[tuple[str, int]], title: str) -> Markup:
    """One bar each, the longest first."""
    chart = leather.Chart()
    chart.add_bars([(value, name) for name, value in reversed(values)], fill_color=COLOURS[1])
    chart.add_x_scale(0, max((value for _, value in values), default=1))
    chart.add_x_axis(tick_formatter=_whole)
    return _drawn(chart, title, 90 + 34 * len(values))


def _whole(value: object, _index: int, _count: int) -> str:
    number = round(float(str(value)), 2)  # a ratio's axis, not money: where the line has its marks
    return f"{number:,.0f}" if number == int(number) else ""


def _drawn(chart: "leather.Chart", title: str, height: int) -> Markup:
    """The picture with its name, for those who hear it; leather escapes the texts it was given."""
    svg = chart.to_svg(width=760, height=height)
    named = Markup('<svg role="img" aria-label="{}" viewBox="0 0 760 {}" ').format(title, height)
    return named + Markup(svg.removeprefix("<svg "))  # noqa: S704  drawn by leather from escaped texts
