"""Shows figures of all kinds, each followed by the chart that E2B's own extraction makes of it, and prints their names."""

import datetime
import io
import warnings
from decimal import Decimal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from e2b_charts import chart_figure_to_dict

warnings.simplefilter("ignore")
FIGURES = []
SCORES = [[85, 90, 78, 92, 88], [95, 89, 76, 91, 84, 87], [75, 82, 88, 90, 79, 86]]
DAYS = [datetime.date(2023, 9, day) for day in (1, 2, 3, 4, 5)]


def figure(function):
    FIGURES.append(function)
    return function


def of_the_peer(shown):
    try:
        return chart_figure_to_dict(shown)
    except Exception:
        return {}


@figure
def blank():
    plt.figure()


@figure
def blank_axes():
    plt.subplots()


@figure
def line():
    plt.plot([1, 2, 3], [4, 5, 6])
    plt.plot([1, 2, 3], [1, 2, 9], label="named")
    plt.title("T")
    plt.xlabel("Time (s)")
    plt.ylabel("Amp [V]")


@figure
def line_nan():
    plt.plot([1, 2, 3], [4, float("nan"), 6])


@figure
def line_none():
    plt.plot([1, 2, 3], [4, None, 6])


@figure
def grid_lines():
    plt.plot([1, 2, 3], [1, 2, 3])
    plt.axhline(2)
    plt.axvline(2)
    plt.plot([1, 2], [1, 2])


@figure
def dates():
    plt.plot(DAYS, range(5))


@figure
def datetimes():
    plt.plot([datetime.datetime(2023, 9, 1, i) for i in range(5)], range(5))


@figure
def np_dates():
    plt.plot(np.arange("2024-01", "2024-06", dtype="datetime64[M]"), range(5))


@figure
def pd_series():
    pd.Series(range(5), index=pd.date_range("2024-01-01", periods=5)).plot()


@figure
def pd_dates():
    plt.plot(pd.date_range("2024-01-01", periods=5), range(5))


@figure
def frame():
    pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]}).plot()


@figure
def categories():
    plt.plot(["a", "b", "c"], [1, 2, 3])


@figure
def ticks_hand():
    plt.plot([0, 1, 2], [1, 2, 3])
    plt.xticks([0, 1, 2], ["a", "b", "c"])


@figure
def ticks_hand_float():
    plt.plot([0, 1, 2], [1, 2, 3])
    plt.xticks([0.0, 1.0, 2.0], ["a", "b", "c"])


@figure
def no_ticks():
    plt.plot([0, 1, 2], [1, 2, 3])
    plt.xticks([])


@figure
def log():
    plt.plot([1, 10, 100], [1, 10, 1000])
    plt.xscale("log")
    plt.yscale("symlog")


@figure
def logit():
    plt.plot([0.1, 0.5, 0.9], [1, 10, 1000])
    plt.xscale("logit")
    plt.yscale("asinh")


@figure
def function():
    plt.plot([1, 2, 3], [1, 10, 1000])
    plt.xscale("function", functions=(np.sqrt, np.square))


@figure
def scatter():
    plt.scatter([1, 2, 3], [4, 5, 6])
    plt.scatter([1, 2], [3, 4], label="B")
    plt.axhline(3)


@figure
def scatter_dates():
    plt.scatter(DAYS[:3], [4, 5, 6])


@figure
def scatter_nan():
    plt.scatter([1, float("nan"), 3], [4, 5, 6])


@figure
def scatter_cat():
    plt.scatter(["x", "y"], [4, 5])


@figure
def bar():
    plt.bar(["a", "b", "c"], [1, 2, 3])
    plt.xlabel("Authors")
    plt.ylabel("Books (n)")


@figure
def bar_equal():
    plt.bar(["a", "b", "c"], [2, 2, 2])
    plt.xlabel("A")
    plt.ylabel("B")


@figure
def barh():
    plt.barh(["a", "b", "c"], [1, 2, 3])
    plt.xlabel("Books (n)")


@figure
def bars_grouped():
    x = np.arange(3)
    plt.bar(x - 0.2, [1, 2, 3], 0.4, label="M")
    plt.bar(x + 0.2, [3, 2, 1], 0.4)
    plt.xticks(x, ["p", "q", "r"])
    plt.axhline(1)


@figure
def barh_two():
    plt.barh(["a", "b"], [1, 2], label="u")
    plt.barh(["a", "b"], [1, 2], left=[1, 2])
    plt.xlabel("X")
    plt.ylabel("Y")


@figure
def bar_single():
    plt.bar(["only"], [5])


@figure
def hist():
    plt.hist([1, 2, 2, 3, 3, 3, 4], bins=4)


@figure
def pie():
    plt.pie([1, 2, 3.7], labels=["a", "b", "c"], autopct="%1.1f%%")
    plt.title("P")


@figure
def pie_bare():
    plt.pie([1, 2, 3], radius=0.7, explode=[0, 0.1, 0], startangle=33, counterclock=False)


@figure
def box():
    plt.boxplot(SCORES, tick_labels=["A", "B", "C"], patch_artist=True)
    plt.title("Scores")
    plt.ylabel("Score (pt)")


@figure
def box_lines():
    plt.boxplot(SCORES)


@figure
def box_h():
    plt.boxplot(SCORES, orientation="horizontal", patch_artist=True)
    plt.xlabel("X")


@figure
def box_out():
    plt.boxplot([[1, 2, 3, 4, 30], [1, 2, 3, 4, 20, 40], [1, 2, 3, 9]], patch_artist=True)


@figure
def box_one():
    plt.boxplot([SCORES[0]], patch_artist=True)


@figure
def box_big():
    plt.boxplot([[x * 1234.567 for x in d] for d in SCORES], patch_artist=True)


@figure
def box_degenerate():
    plt.boxplot([[1, 1, 1, 1], [2, 3, 4, 5]], patch_artist=True)


@figure
def box_small():
    plt.boxplot(np.random.default_rng(1).normal(size=(50, 4)), patch_artist=True)


@figure
def super_():
    f, (a, b) = plt.subplots(1, 2)
    a.plot([1, 2, 3], [1, 4, 9])
    b.bar(["x", "y"], [1, 2])
    f.suptitle("Both")
    a.set_title("left")


@figure
def super_untitled():
    f, ax = plt.subplots(2, 2)
    ax[0, 0].scatter([1], [2])
    ax[0, 1].pie([1, 2])
    ax[1, 0].imshow(np.eye(3))


@figure
def colorbar():
    plt.imshow(np.eye(3))
    plt.colorbar()


@figure
def twin():
    plt.plot([1, 2, 3], [1, 2, 3])
    plt.twinx().bar([1, 2, 3], [3, 4, 5])


@figure
def unknown():
    plt.fill_between([1, 2, 3], [1, 2, 3])


@figure
def errorbar():
    plt.errorbar([1, 2, 3], [1, 2, 3], yerr=0.1)


@figure
def imshow():
    plt.imshow(np.eye(3))


@figure
def polar():
    plt.polar([0, 1, 2], [1, 2, 3])


@figure
def three_d():
    plt.figure().add_subplot(projection="3d").plot([1, 2, 3], [1, 2, 3], [1, 2, 3])


@figure
def text_only():
    plt.text(0.5, 0.5, "hi")
    plt.plot([], [])


@figure
def bools():
    plt.plot([1, 2, 3], [True, False, True])


@figure
def ints_np():
    plt.plot(np.arange(3), np.array([1, 2, 3], dtype="int8"))


@figure
def masked():
    plt.plot([1, 2, 3], np.ma.array([1, 2, 3], mask=[0, 1, 0]))


@figure
def bar_dates():
    plt.bar(pd.date_range("2024-01-01", periods=3), [1, 2, 3])


@figure
def bar_pd():
    pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]}, index=list("xyz")).plot.bar()


@figure
def quirk_units():
    plt.plot([1, 2, 3], [1, 2, 5])
    plt.xlabel("speed(m/s)")
    plt.ylabel("a [] (b)")


@figure
def decimal_():
    plt.plot([1, 2, 3], [Decimal("1.5"), Decimal(2), Decimal(3)])


@figure
def step():
    plt.step([1, 2, 3], [1, 2, 3])
    plt.legend(["one"])


@figure
def stem():
    plt.stem([1, 2, 3], [1, 2, 3])


for function in FIGURES:
    function()
    shown = plt.gcf()
    shown.savefig(io.BytesIO(), bbox_inches="tight")  # drawing settles the ticks
    theirs = of_the_peer(shown)
    display(shown)  # noqa: F821
    display(theirs)  # noqa: F821
    plt.close("all")
    print(function.__name__)
