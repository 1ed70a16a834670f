"""What is shown: every type of result, and the charts as the client's own model reads them."""

import base64

from e2b_code_interpreter import charts

from table import case, check, contains

SHOW = "from base64 import b64encode\nclass Show:\n    def __init__(self, bundle): self.bundle = bundle\n" \
       "    def _repr_mimebundle_(self, include=None, exclude=None): return self.bundle\n"


async def result(sandbox, code):
    run = await sandbox.run_code(code)
    assert not run.error, run.error.traceback
    [one] = run.results
    return one


async def chart(sandbox, code):
    one = await result(sandbox, "import matplotlib.pyplot as plt\n" + code + "\nplt.show()")
    check(base64.b64decode(one.png)[:4], b"\x89PNG")
    contains(one.formats(), "png", "chart")
    return one.chart


@case
async def every_type(sandbox):
    await sandbox.run_code(SHOW)
    for field, kind, value in [
        ("html", "text/html", "<b>é</b>"),
        ("markdown", "text/markdown", "# Title"),
        ("svg", "image/svg+xml", "<svg></svg>"),
        ("png", "image/png", base64.b64encode(b"png").decode()),
        ("jpeg", "image/jpeg", base64.b64encode(b"jpeg").decode()),
        ("pdf", "application/pdf", base64.b64encode(b"pdf").decode()),
        ("latex", "text/latex", "$x^2$"),
        ("json", "application/json", {"a": [1, None, "b"]}),
        ("javascript", "application/javascript", "alert(1)"),
    ]:
        one = await result(sandbox, f"Show({{{kind!r}: {value!r}, 'text/plain': 'shown'}})")
        check((getattr(one, field), one[field], one.text), (value, value, "shown"))
        contains(list(one.formats()), field, "text")
    one = await result(sandbox, "Show({'application/vnd.own': 'zz', 'text/plain': 't'})")
    check(one.extra, {"application/vnd.own": "zz"})
    contains(list(one.formats()), "application/vnd.own")


@case
async def representations_of_objects(sandbox):
    code = "class A:\n    def _repr_html_(self): return '<i>'\n    def _repr_markdown_(self): return '*i*'\n" \
           "    def _repr_latex_(self): return '$i$'\n    def _repr_svg_(self): return '<svg/>'\n" \
           "    def _repr_png_(self): return b'png'\n    def __repr__(self): return 'A'\nA()"
    one = await result(sandbox, code)
    check((one.html, one.markdown, one.latex, one.svg, one.text), ("<i>", "*i*", "$i$", "<svg/>", "A"))
    check(base64.b64decode(one.png), b"png")
    check((one._repr_html_(), one._repr_markdown_()), ("<i>", "*i*"))


@case
async def displays_of_ipython(sandbox):
    run = await sandbox.run_code(
        "from IPython.display import display, HTML, Markdown, SVG, Latex, JSON, Javascript\n"
        "display(HTML('<b>'), Markdown('*'), Latex('$x$'), SVG('<svg></svg>'), JSON({'a': 1}), Javascript('1'))"
    )
    assert not run.error, run.error
    one = run.results
    check((one[0].html, one[1].markdown, one[2].latex), ("<b>", "*", "$x$"))
    contains(one[3].svg, "<svg")
    check((one[4].json, one[5].javascript), ({"a": 1}, "1"))
    check([each.is_main_result for each in one], [False] * 6)


@case
async def lists_and_dictionaries(sandbox):
    check((await result(sandbox, "[1, 'a', None, {'b': 2.5}]")).json, [1, "a", None, {"b": 2.5}])
    one = await result(sandbox, "{'k': (1, 2)}")
    check((one.json, one.text), ({"k": [1, 2]}, "{'k': (1, 2)}"))


@case
async def tables(sandbox):
    code = "import pandas as pd\npd.DataFrame({'a': [1, 2], 'when': pd.to_datetime(['2024-01-02', '2024-01-03'])})"
    one = await result(sandbox, code)
    check(one.data["a"], [1, 2])
    contains(one.data["when"][0], "2024-01-02T00:00:00")
    contains(one.html, "<table")
    contains(one.text, "when")
    contains(list(one.formats()), "data")


@case
async def images(sandbox):
    one = await result(sandbox, "from PIL import Image\nImage.new('RGB', (2, 3), 'red')")
    check(base64.b64decode(one.png)[:4], b"\x89PNG")


@case
async def line_charts(sandbox):
    got = await chart(sandbox, "plt.plot([1, 2, 3], [2, 4, 9], label='one')\nplt.xlabel('t (s)'); plt.ylabel('v')\nplt.title('Lines')")
    check((type(got), got.type, got.title), (charts.LineChart, charts.ChartType.LINE, "Lines"))
    check((got.x_label, got.x_unit, got.y_label, got.y_unit), ("t (s)", "s", "v", None))
    check([(each.label, each.points) for each in got.elements], [("one", [(1, 2), (2, 4), (3, 9)])])
    check((got.x_scale, got.y_scale), (charts.ScaleType.LINEAR, charts.ScaleType.LINEAR))
    assert got.x_ticks and len(got.x_ticks) == len(got.x_tick_labels)


@case
async def line_charts_of_dates_and_logs(sandbox):
    code = "import datetime\nplt.plot([datetime.date(2024, 1, n) for n in (1, 2)], [1, 100])\nplt.yscale('log')"
    got = await chart(sandbox, code)
    check((got.x_scale, got.y_scale), (charts.ScaleType.DATETIME, charts.ScaleType.LOG))
    contains(got.elements[0].points[0][0], "2024-01-01")


@case
async def scatter_charts(sandbox):
    got = await chart(sandbox, "plt.scatter([1, 2], [3, 4], label='dots')")
    check((type(got), got.elements[0].label, got.elements[0].points), (charts.ScatterChart, "dots", [(1, 3), (2, 4)]))


@case
async def bar_charts(sandbox):
    got = await chart(sandbox, "plt.bar(['a', 'b'], [1, 2], label='bars')")
    check(type(got), charts.BarChart)
    check([(bar.label, bar.group, bar.value) for bar in got.elements], [("a", "bars", 1), ("b", "bars", 2)])


@case
async def pie_charts(sandbox):
    got = await chart(sandbox, "plt.pie([1, 3], labels=['a', 'b'])")
    check((type(got), [slice.label for slice in got.elements]), (charts.PieChart, ["a", "b"]))
    check([round(slice.angle) for slice in got.elements], [90, 270])


@case
async def box_charts(sandbox):
    got = await chart(sandbox, "plt.boxplot([[1, 2, 3, 4, 5, 30], [2, 3, 4, 5, 6]], tick_labels=['x', 'y'], patch_artist=True)")
    check((type(got), [box.label for box in got.elements]), (charts.BoxAndWhiskerChart, ["x", "y"]))
    check((got.elements[0].median, got.elements[0].outliers), (3.5, [30]))


@case
async def several_axes(sandbox):
    got = await chart(sandbox, "fig, (a, b) = plt.subplots(1, 2)\na.plot([1, 2]); b.bar(['x', 'y'], [1, 3]); fig.suptitle('Both')")
    check((type(got), got.title), (charts.SuperChart, "Both"))
    check([type(each) for each in got.elements], [charts.LineChart, charts.BarChart])


@case
async def what_is_no_chart(sandbox):
    got = await chart(sandbox, "plt.imshow([[1, 2], [3, 4]])")
    check(got.type, charts.ChartType.UNKNOWN)


@case
async def figures_that_are_not_shown(sandbox):
    one = await result(sandbox, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone")
    assert one.png and one.chart
    run = await sandbox.run_code("for n in range(3):\n    plt.figure(); plt.plot([n]); plt.show()")
    check(len(run.results), 3)
