"""A matplotlib figure as data, in the form that E2B's clients know.

The values are those that E2B's own extraction gives for the same figure, also where it rounds, mistakes one kind of
chart for another, or gives up.
"""

import re

from code_interpreter_plain import is_a

UNIT = re.compile(r"\s\((.*?)\)|\[(.*?)\]")
MAX_POINTS = 2_000_000


def chart_of(figure):
    """The chart or charts of a figure; {} when it is blank or what it shows cannot be told."""
    try:
        all_axes = figure.axes
        if not any(axes.has_data() for axes in all_axes):
            return {}
        if len(all_axes) == 1:
            return chart_of_axes(all_axes[0])
        title = getattr(figure, "_suptitle", None)
        return {
            "type": "superchart",
            "title": "" if title is None else title.get_text(),
            "elements": [chart_of_axes(axes) for axes in all_axes],
        }
    except Exception:
        return {}


def chart_of_axes(axes):
    kind = kind_of(axes)
    chart = {"type": kind, "title": axes.get_title() or None, "elements": []}
    if kind in FILL:
        FILL[kind](chart, axes)
    return chart


def kind_of(axes):
    """Judged by what was drawn, text and the lines of a grid aside."""
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import PathPatch, Rectangle, Wedge
    from matplotlib.text import Text

    drawn = [artist for artist in axes._children if not isinstance(artist, Text)]
    for kind, types in (("line", Line2D), ("box_and_whisker", (PathPatch, Line2D))):
        if all(isinstance(artist, types) for artist in drawn):
            return kind
    drawn = [artist for artist in drawn if not (isinstance(artist, Line2D) and is_grid_line(artist))]
    for kind, types in (("scatter", PathCollection), ("pie", Wedge), ("bar", Rectangle)):
        if all(isinstance(artist, types) for artist in drawn):
            return kind
    return "unknown"


def is_grid_line(line):
    x, y = line.get_xdata(), line.get_ydata()
    return len(x) == 2 and len(y) == 2 and bool(x[0] == x[1] or y[0] == y[1])


def named(label, prefix, noun):
    """matplotlib's own names, such as `_child3`, as names for people."""
    return f"{noun} {int(label[len(prefix) :])}" if label.startswith(prefix) else label


# --- axes with labels -----------------------------------------------------------------------------------------


def add_labels(chart, axes):
    labels = {"x": axes.get_xlabel() or None, "y": axes.get_ylabel() or None}
    chart.update({f"{axis}_label": label for axis, label in labels.items()})
    chart.update({f"{axis}_unit": unit_of(label) for axis, label in labels.items()})


def unit_of(label):
    match = UNIT.search(label or "")
    return match and (match.group(1) or match.group(2))


def rotate(chart):
    for name in ("label", "unit"):
        x, y = f"x_{name}", f"y_{name}"
        chart[x], chart[y] = chart[y], chart[x]


def texts(labels):
    return [label.get_text() for label in labels]


# --- lines and points -----------------------------------------------------------------------------------------


def fill_line(chart, axes):
    add_labels(chart, axes)
    add_scales(chart, axes)
    for line in axes.get_lines():
        if not is_grid_line(line):
            label = named(line.get_label(), "_child", "Line")
            chart["elements"].append({"label": label, "points": points(line.get_xdata(), line.get_ydata())})


def fill_scatter(chart, axes):
    add_labels(chart, axes)
    add_scales(chart, axes)
    for collection in axes.collections:
        offsets = collection.get_offsets()
        pairs = points(offsets[:, 0], offsets[:, 1])
        chart["elements"].append({"label": collection.get_label(), "points": pairs})


def points(x, y):
    return [list(pair) for pair in zip(coordinates(x), coordinates(y))]


def coordinates(values):
    if len(values) > MAX_POINTS:
        raise OverflowError("too many points")
    if getattr(getattr(values, "dtype", None), "kind", "") in ("f", "i", "u"):
        return values.astype(float).tolist()
    return [coordinate(value) for value in values]


def coordinate(value):
    if is_a(value, "datetime", "date"):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if is_a(value, "numpy", "datetime64"):
        return str(value.astype("datetime64[s]"))
    return float(value)


def add_scales(chart, axes):
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        labels = texts(axis.get_ticklabels())
        is_date = has_dates(axis)
        ticks = ticks_of(axis.get_ticklocs(), is_date)
        chart[f"{name}_ticks"] = ticks
        chart[f"{name}_tick_labels"] = labels
        chart[f"{name}_scale"] = "datetime" if is_date else scale_of(axis.get_scale(), ticks, labels)


def has_dates(axis):
    from matplotlib import dates

    # The attribute is the way of older versions, and newer ones warn of it.
    converter = axis.get_converter() if hasattr(axis, "get_converter") else axis.converter
    return isinstance(converter, getattr(dates, "_SwitchableDateConverter", ()))


def ticks_of(ticks, is_date):
    if is_date:
        from matplotlib.dates import num2date

        return [num2date(tick).isoformat() for tick in ticks]
    if isinstance(ticks[0], (int, float)):
        return [float(tick) for tick in ticks]
    return list(ticks)


def scale_of(scale, ticks, labels):
    """A linear scale is one of categories when its ticks count from 0 and are labelled otherwise."""
    if scale != "linear":
        return scale
    for number, (tick, label) in enumerate(zip(ticks, labels)):
        # numpy's whole numbers, which are no int, stand for ticks that were set by hand.
        if not isinstance(tick, (int, float)) or tick != number or label == str(number):
            return "linear"
    return "categorical"


# --- bars and pies --------------------------------------------------------------------------------------------


def fill_bar(chart, axes):
    add_labels(chart, axes)
    for container in axes.containers:
        group = named(container.get_label(), "_container", "Group")
        values = [bar.get_height() for bar in container]
        labels = axes.get_xticklabels()
        if all(value == values[0] for value in values):
            rotate(chart)
            values = [bar.get_width() for bar in container]
            labels = axes.get_yticklabels()
        for label, value in zip(texts(labels), values):
            chart["elements"].append({"label": label, "group": group, "value": float(value)})


def fill_pie(chart, axes):
    from decimal import Decimal

    for wedge in axes.patches:
        angle = rounded(Decimal(float(wedge.theta2)) - Decimal(float(wedge.theta1)))
        chart["elements"].append({"label": wedge.get_label(), "angle": float(abs(angle)), "radius": float(wedge.r)})


# --- boxes ----------------------------------------------------------------------------------------------------


def rounded(number):
    """With eight digits, less one for each before the point beyond the first; exact from there on."""
    from decimal import Decimal, localcontext

    number = Decimal(str(number))
    with localcontext() as context:
        context.prec = max(1, 8 - number.adjusted())
        return +number


class Box:
    """One box, by its extent across (where it stands) and along (what it tells)."""

    def __init__(self, label, patch):
        vertices = patch.get_path().vertices
        x, y = ([rounded(number) for number in vertices[:, side]] for side in (0, 1))
        self.label = label
        self.across = min(x), max(x)
        self.along = min(y), max(y)
        self.found = {}
        self.outliers = []

    def turn(self):
        self.across, self.along = self.along, self.across

    def is_around(self, *places):
        """Whether it stands where a line does, whose ends go from left to right."""
        stations = (self.across[0], *places, self.across[1])
        return all(left <= right for left, right in zip(stations, stations[1:]))

    def take(self, line):
        """Learns from a line of two points: the median, or a whisker, which begins at the edge of the box."""
        bottom, top = self.along
        if line[0] == line[1] and bottom <= line[0] <= top:
            self.found["median"] = line[0]
        elif max(line) == bottom:
            self.found["min"] = min(line)
        elif min(line) == top:
            self.found["max"] = max(line)

    def element(self):
        values = {
            "min": self.found["min"],
            "first_quartile": self.along[0],
            "median": self.found["median"],
            "third_quartile": self.along[1],
            "max": self.found["max"],
        }
        numbers = {name: float(value) for name, value in values.items()}
        return {"label": self.label, **numbers, "outliers": [float(value) for value in self.outliers]}


def fill_boxes(chart, axes):
    add_labels(chart, axes)
    boxes = [Box(label, patch) for label, patch in zip(texts(axes.get_xticklabels()), axes.patches)]
    heights = [box.along[1] - box.along[0] for box in boxes]
    is_rotated = all(height == heights[0] for height in heights)
    if is_rotated:
        rotate(chart)
        for box in boxes:
            box.turn()
    for line in axes.lines:
        places, values = ([rounded(number) for number in side] for side in (line.get_xdata(), line.get_ydata()))
        if is_rotated:
            places, values = values, places
        if len(values) not in (1, 2):
            continue
        box = next((box for box in boxes if box.is_around(*places)), None)
        if box is not None and len(values) == 1:
            box.outliers.append(values[0])
        elif box is not None:
            box.take(values)
    chart["elements"] = [box.element() for box in boxes]


FILL = {
    "line": fill_line,
    "scatter": fill_scatter,
    "bar": fill_bar,
    "pie": fill_pie,
    "box_and_whisker": fill_boxes,
}
