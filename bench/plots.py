"""The benches' plots, as SVG: lines over two logarithmic axes, and ranges over one."""
import math
from html import escape

COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#8d5a97", "#e07a1f", "#555555", "#00808a", "#a0522d")
FLOOR_COLOUR = "#999999"
FONT = 'font-family="Helvetica, Arial, sans-serif"'
WIDTH = 900
ROW = 26
LABELS = 330           # room for the names of series
TOP, BOTTOM, LEFT = 60, 56, 70
# The space that names of lines keep from each other.
NAME_GAP = 17


def text(x, y, words, size=13, anchor="start", colour="#222", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" {FONT} font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}"{extra}>{escape(words)}</text>')


def line(x1, y1, x2, y2, colour, width=1.0, dashed=False):
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dash}/>')


def dot(x, y, colour, filled=True):
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" stroke="{colour}" stroke-width="1.5" '
            f'fill="{colour if filled else "#fff"}"/>')


def svg(height, parts):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
                      f'viewBox="0 0 {WIDTH} {height:.0f}">',
                      f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>', *parts, "</svg>", ""])


class LogAxis:
    """Values to places, by their logarithm; `ticks` are 1, 2 and 5 of each power of ten."""

    def __init__(self, values, begin, end):
        self._low, self._high = math.log10(min(values) / 1.15), math.log10(max(values) * 1.15)
        self._begin, self._end = begin, end

    def place(self, value):
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self):
        for power in range(math.floor(self._low), math.ceil(self._high) + 1):
            for digit in (1, 2, 5):
                if self._low <= power + math.log10(digit) <= self._high:
                    yield digit * 10.0 ** power


def colours(names):
    """A colour for each name, the same in every plot of the same names."""
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(sorted(set(names)))}


def spread(places):
    """The same places in their order, moved down as far as names need to be apart."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + NAME_GAP) if moved else place)
    return moved


def cpu_by_rules(series, subtitle):
    """`series`: (name, delivery, {rules: us an event})."""
    return lines([(name, f"{name}, {delivery.replace('_', ' ')}", delivery == "exactly_once", points)
                  for name, delivery, points in series],
                 "Client CPU an event by rules", subtitle, "rules", "us an event")


def transactions_by_destinations(rows, subtitle):
    """`rows` as bench/produce makes them."""
    series = {}
    for row in rows:
        for quantile in ("p50", "p99"):
            series.setdefault((row["sink"], quantile), {})[row["destinations"]] = row[f"{quantile}_ms"]
    return lines([(sink, f"{sink}, {quantile}", quantile == "p50", points)
                  for (sink, quantile), points in series.items()],
                 "A transaction of 100 records by destinations", subtitle, "destinations", "ms")


def lines(series, title, subtitle, x_name, y_name):
    """`series`: (name, which gives the colour, label, whether it is drawn through, {x: y})."""
    bottom = TOP + max(340, NAME_GAP * len(series))
    x_axis = LogAxis([x for *_, points in series for x in points], LEFT, WIDTH - LABELS - 20)
    y_axis = LogAxis([y for *_, points in series for y in points.values()], bottom, TOP)
    colour_of = colours(name for name, *_ in series)
    parts = [text(LEFT, 24, title, 17), text(LEFT, 44, subtitle, 12, colour="#666"),
             text(LEFT, bottom + 44, x_name, 12),
             text(18, TOP + 120, y_name, 12, extra=f' transform="rotate(-90 18 {TOP + 120})"')]
    for y in y_axis.ticks():
        parts += [line(LEFT, y_axis.place(y), WIDTH - LABELS, y_axis.place(y), "#e5e5e5"),
                  text(LEFT - 8, y_axis.place(y) + 4, f"{y:g}", 12, "end")]
    for x in sorted({x for *_, points in series for x in points}):
        parts += [line(x_axis.place(x), TOP, x_axis.place(x), bottom, "#f0f0f0"),
                  text(x_axis.place(x), bottom + 20, f"{x:,}", 12, "middle")]
    ends = []
    for name, label, is_through, points in series:
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in sorted(points.items())]
        parts += [line(*one, *other, colour_of[name], 2, not is_through)
                  for one, other in zip(places, places[1:])]
        parts += [dot(*place, colour_of[name], is_through) for place in places]
        ends.append((places[-1], name, label))
    ends.sort(key=lambda end: end[0][1])
    for (place, name, label), y in zip(ends, spread([place[1] for place, _, _ in ends])):
        parts += [line(*place, WIDTH - LABELS + 6, y, colour_of[name], 0.5),
                  text(WIDTH - LABELS + 10, y + 4, label, 11, colour=colour_of[name])]
    return svg(bottom + BOTTOM, parts)


def latencies(rows, subtitle):
    """`rows`: (name, delivery, p50 ms, p99 ms, p99.9 ms); the floor has no delivery."""
    bottom = TOP + ROW * (len(rows) + 1)
    axis = LogAxis([ms for row in rows for ms in row[2:]], LABELS + 10, WIDTH - 30)
    colour_of = colours(name for name, delivery, *_ in rows if delivery)
    parts = [text(20, 24, "From when an event was due to a reader of its sub-topic", 17),
             text(20, 44, subtitle, 12, colour="#666"),
             text(20, bottom + 40, "filled p50, hollow p99, bar p99.9", 12, colour="#666"),
             text(WIDTH - 30, bottom + 40, "ms", 12, "end")]
    for ms in axis.ticks():
        parts += [line(axis.place(ms), TOP, axis.place(ms), bottom, "#e5e5e5"),
                  text(axis.place(ms), bottom + 20, f"{ms:g}", 12, "middle")]
    for number, (name, delivery, p50, p99, p999) in enumerate(rows, 1):
        y, colour = TOP + ROW * number, colour_of[name] if delivery else FLOOR_COLOUR
        words = f"{name}, {delivery.replace('_', ' ')}" if delivery else name
        parts += [text(LABELS, y + 4, words, 11, "end"),
                  line(axis.place(p50), y, axis.place(p999), y, colour, 2),
                  line(axis.place(p999), y - 6, axis.place(p999), y + 6, colour, 2),
                  dot(axis.place(p50), y, colour), dot(axis.place(p99), y, colour, filled=False)]
    return svg(bottom + BOTTOM, parts)
