//! Charts as data.

mod bar;
mod box_and_whisker;
mod coordinate;
mod pie;
mod points;
mod scale;
mod several;

pub use bar::{Bar, BarChart};
pub use box_and_whisker::{BoxAndWhisker, BoxAndWhiskerChart};
pub use coordinate::Coordinate;
pub use pie::{PieChart, Slice};
pub use points::{PointChart, Series};
pub use scale::Scale;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
pub use several::SuperChart;

/// A matplotlib figure as data, to draw it anew or to compute with it.
///
/// It is what [`Output::chart`](super::Output::chart) gives, and reads and writes the JSON of the form `e2b/chart`. A
/// chart of an unknown kind, or one that does not have the fields of its kind, is [`Other`](Self::Other) and no error.
///
/// ```
/// use code_interpreter::Chart;
///
/// let chart: Chart = serde_json::from_str(
///     r#"{"type": "bar", "title": "Books", "elements": [{"label": "Woolf", "group": "Group 0", "value": 9.0}]}"#,
/// )?;
/// match chart {
///     Chart::Bar(chart) => assert_eq!((chart.elements[0].label.as_str(), chart.elements[0].value), ("Woolf", 9.0)),
///     Chart::Other(json) => println!("{json}"),
///     _ => {}
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The engine extracts what E2B does, by the same rules: a `boxplot` counts as one if it is drawn with
/// `patch_artist=True`, else as lines; bars that are all equally high count as horizontal ones; values of boxes are
/// rounded, to eight digits less one for each before the point beyond the first; lines of two points, level or upright,
/// count as a grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Chart {
    /// Lines through points.
    Line(PointChart),
    /// Points.
    Scatter(PointChart),
    /// Bars, upright or lying.
    Bar(BarChart),
    /// Slices of a whole.
    Pie(PieChart),
    /// Boxes that tell the spread of values.
    BoxAndWhisker(BoxAndWhiskerChart),
    /// Several charts in one figure.
    #[serde(rename = "superchart")]
    Super(SuperChart),
    /// A chart of another kind, or one that could not be understood, as it came.
    #[serde(untagged)]
    Other(Value),
}

impl Chart {
    /// Understands the JSON as far as it can.
    pub(super) fn of(json: &Value) -> Self {
        Self::known(json).unwrap_or_else(|| Self::Other(json.clone()))
    }

    fn known(json: &Value) -> Option<Self> {
        let chart = match json.get("type")?.as_str()? {
            "line" => Self::Line(fields(json)?),
            "scatter" => Self::Scatter(fields(json)?),
            "bar" => Self::Bar(fields(json)?),
            "pie" => Self::Pie(fields(json)?),
            "box_and_whisker" => Self::BoxAndWhisker(fields(json)?),
            "superchart" => Self::Super(fields(json)?),
            _ => return None,
        };
        Some(chart)
    }
}

/// A derived implementation would take a number for a type as well.
impl<'de> Deserialize<'de> for Chart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Value::deserialize(deserializer)?))
    }
}

fn fields<'de, T: Deserialize<'de>>(json: &'de Value) -> Option<T> {
    T::deserialize(json).ok()
}

/// A number; those that JSON lacks come as null.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chart(json: Value) -> Chart {
        serde_json::from_value(json).unwrap()
    }

    /// Parses it, and writes it to the same JSON again.
    fn both_ways(json: Value) -> Chart {
        let chart = chart(json.clone());
        assert_eq!(serde_json::to_value(&chart).unwrap(), json);
        assert_eq!(serde_json::from_str::<Chart>(&json.to_string()).unwrap(), chart);
        chart
    }

    fn line() -> Value {
        json!({
            "type": "line", "title": null, "x_label": "Time (s)", "y_label": null, "x_unit": "s", "y_unit": null,
            "x_ticks": ["2023-09-01T00:00:00+00:00"], "x_tick_labels": ["2023-09-01"], "x_scale": "datetime",
            "y_ticks": [0.0, 0.5], "y_tick_labels": ["0.0", "0.5"], "y_scale": "polar",
            "elements": [{ "label": "Line 0", "points": [["2023-09-01", 0.5], [2.0, "high"]] }],
        })
    }

    #[test]
    fn lines_and_points() {
        let Chart::Line(chart) = both_ways(line()) else { panic!() };
        assert_eq!(
            (chart.title, chart.x_label.as_deref(), chart.x_unit.as_deref()),
            (None, Some("Time (s)"), Some("s"))
        );
        assert_eq!((chart.x_scale, chart.y_scale), (Scale::Datetime, Scale::Other("polar".into())));
        assert_eq!(chart.y_ticks, [Coordinate::Number(0.0), Coordinate::Number(0.5)]);
        let [series] = &chart.elements[..] else { panic!() };
        assert_eq!(series.points[0], (Coordinate::Text("2023-09-01".into()), Coordinate::Number(0.5)));
        let mut scatter = line();
        scatter["type"] = json!("scatter");
        assert!(matches!(both_ways(scatter), Chart::Scatter(chart) if chart.elements.len() == 1));
    }

    #[test]
    fn bars_slices_and_boxes() {
        let labels = json!({ "x_label": "X", "y_label": "Y", "x_unit": null, "y_unit": null });
        let with_labels = |mut json: Value| {
            json.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
            json
        };
        let bar =
            json!({ "type": "bar", "title": "T", "elements": [{ "label": "a", "group": "Group 0", "value": 2.5 }] });
        let Chart::Bar(chart) = both_ways(with_labels(bar)) else { panic!() };
        assert_eq!((chart.title.as_deref(), chart.y_label.as_deref()), (Some("T"), Some("Y")));
        assert_eq!((chart.elements[0].group.as_str(), chart.elements[0].value), ("Group 0", 2.5));

        let pie = json!({ "type": "pie", "title": "T", "elements": [{ "label": "a", "angle": 90.0, "radius": 1.0 }] });
        let Chart::Pie(chart) = both_ways(pie) else { panic!() };
        assert_eq!((chart.elements[0].label.as_str(), chart.elements[0].angle), ("a", 90.0));

        let boxes = json!({ "type": "box_and_whisker", "title": null, "elements": [{
            "label": "A", "min": 1.0, "first_quartile": 2.0, "median": 3.0, "third_quartile": 4.0, "max": 5.0,
            "outliers": [9.0],
        }] });
        let Chart::BoxAndWhisker(chart) = both_ways(with_labels(boxes)) else { panic!() };
        assert_eq!((chart.elements[0].median, &chart.elements[0].outliers[..]), (3.0, &[9.0][..]));
    }

    #[test]
    fn several_charts_of_which_one_is_odd() {
        let odd = json!({ "type": "sankey", "elements": [1], "flows": {} });
        let figure = json!({ "type": "superchart", "title": "", "elements": [line(), odd] });
        let Chart::Super(chart) = both_ways(figure) else { panic!() };
        assert!(matches!(&chart.elements[..], [Chart::Line(_), Chart::Other(json)] if *json == odd));
    }

    #[test]
    fn what_cannot_be_understood_is_kept_as_it_came() {
        for json in [
            json!({ "type": "unknown", "title": null, "elements": [] }),
            json!({ "type": "line" }),
            json!({ "type": "line", "elements": [{ "label": "a", "points": [[1]] }] }),
            json!({ "type": "line", "elements": [{ "label": "a", "points": [[1, true]] }] }),
            json!({ "type": "pie", "elements": [{ "label": "a", "angle": "wide" }] }),
            json!({ "type": "box_and_whisker", "elements": [{}] }),
            json!({ "type": 5, "elements": [] }),
            json!({ "title": "no type" }),
            json!([1, "x"]),
            json!("text"),
            json!(null),
        ] {
            assert_eq!(both_ways(json.clone()), Chart::Other(json));
        }
    }

    #[test]
    fn fields_that_lack_are_empty_and_more_are_ignored() {
        let Chart::Line(chart) = chart(json!({ "type": "line", "elements": [], "z_label": "Z" })) else { panic!() };
        assert_eq!(chart, PointChart::default());
        let json = json!({ "type": "bar", "elements": [{ "label": "a", "group": "g", "value": 3, "colour": "red" }] });
        assert!(matches!(chart_of_bars(json), Some(3.0)));
    }

    fn chart_of_bars(json: Value) -> Option<f64> {
        let Chart::Bar(chart) = chart(json) else { return None };
        Some(chart.elements.first()?.value)
    }

    #[test]
    fn numbers_that_json_lacks_are_null() {
        let json = json!({ "type": "line", "elements": [{ "label": "a", "points": [[1.0, null]] }] });
        let Chart::Line(chart) = chart(json) else { panic!() };
        assert!(matches!(chart.elements[0].points[0].1, Coordinate::Number(number) if number.is_nan()));
        assert_eq!(serde_json::to_value(&chart.elements[0]).unwrap()["points"], json!([[1.0, null]]));
        let bar: Bar = serde_json::from_value(json!({ "label": "a", "group": "g", "value": null })).unwrap();
        assert!(bar.value.is_nan());
    }
}
