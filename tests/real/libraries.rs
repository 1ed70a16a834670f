//! Results of libraries, typed: a program in, a value out. `.ci/libraries` installs them and runs these tests.

use code_interpreter::{Chart, Coordinate, ExecutionResult, LocalEngine, Output, Scale, Shell};
use serde_json::json;

use super::local_client_with;
use crate::{CodeInterpreter, maybe_async};

fn client() -> CodeInterpreter {
    let python = std::env::var("CODE_INTERPRETER_TEST_PYTHON").expect("run .ci/libraries");
    let shell = match std::env::var("CODE_INTERPRETER_TEST_SHELL").as_deref() {
        Ok("standard") => Shell::Standard,
        _ => Shell::IPython,
    };
    local_client_with(LocalEngine::builder().python(python).shell(shell))
}

/// Runs a program in a sandbox of its own.
#[maybe_async]
async fn run(code: &str) -> ExecutionResult {
    let sandbox = client().sandboxes().create("python3").await.unwrap();
    let imports = "import datetime, numpy as np, pandas as pd, matplotlib.pyplot as plt\n";
    let result = sandbox.execute_code(format!("{imports}{code}")).await.unwrap();
    assert_eq!((result.is_ok(), result.stderr()), (true, ""), "{result}");
    result
}

/// The chart of the one figure that a program draws, which comes with its picture.
#[maybe_async]
async fn chart_of(code: &str) -> Chart {
    let result = run(&format!("{code}\nplt.show()")).await;
    let [output] = &result.outputs[..] else { panic!("{:?}", result.outputs) };
    assert!(is_png(output) && !output.is_main);
    assert!(output.text().unwrap().starts_with("<Figure size"), "{output}");
    output.chart().unwrap()
}

fn is_png(output: &Output) -> bool {
    output.bytes("image/png").is_some_and(|png| png.starts_with(b"\x89PNG\r\n"))
}

fn numbers(coordinates: &[Coordinate]) -> Vec<f64> {
    coordinates.iter().filter_map(Coordinate::as_number).collect()
}

behaviours! {
    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_line_chart() {
        let code = "plt.plot([1, 2, 3], [1, 4, float('nan')], label='squares'); plt.plot([3, 2, 1])\nplt.title('T'); \
                    plt.xlabel('Time (s)'); plt.ylabel('Volume [l]'); plt.yscale('log')";
        let chart = chart_of(code).await;
        let Chart::Line(chart) = chart else { panic!("{chart:?}") };
        assert_eq!((chart.title.as_deref(), chart.x_label.as_deref()), (Some("T"), Some("Time (s)")));
        assert_eq!((chart.x_unit.as_deref(), chart.y_unit.as_deref()), (Some("s"), Some("l")));
        assert_eq!((chart.x_scale, chart.y_scale), (Scale::Linear, Scale::Log));
        assert_eq!(numbers(&chart.x_ticks).len(), chart.x_tick_labels.len());
        let [first, second] = &chart.elements[..] else { panic!("{:?}", chart.elements) };
        assert_eq!((first.label.as_str(), second.label.as_str()), ("squares", "Line 1"));
        assert_eq!(first.points[1], (2.0.into(), 4.0.into()));
        assert!(first.points[2].1.as_number().unwrap().is_nan());
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_line_chart_of_dates() {
        let chart = chart_of("plt.plot([datetime.date(2023, 9, day) for day in (1, 2, 3)], ['low', 'high', 'low'])").await;
        let Chart::Line(chart) = chart else { panic!("{chart:?}") };
        assert_eq!((chart.x_scale, chart.y_scale), (Scale::Datetime, Scale::Categorical));
        assert!(chart.x_ticks[0].as_text().unwrap().starts_with("2023-09-01T00:00:00"), "{:?}", chart.x_ticks);
        assert_eq!(chart.elements[0].points[1], ("2023-09-02".into(), "high".into()));
        assert_eq!(chart.y_tick_labels, ["low", "high"]);
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_scatter_chart() {
        let chart = chart_of("plt.scatter([1, 2], [3, 4], label='A'); plt.scatter(np.array([5]), np.array([6]), label='B')").await;
        let Chart::Scatter(chart) = chart else { panic!("{chart:?}") };
        let points: Vec<_> = chart.elements.iter().map(|series| (series.label.as_str(), series.points.clone())).collect();
        let expected = [("A", vec![(1.0.into(), 3.0.into()), (2.0.into(), 4.0.into())]), ("B", vec![(5.0.into(), 6.0.into())])];
        assert_eq!(points, expected);
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_bar_chart() {
        let code = "plt.bar(['Woolf', 'Kafka'], [9, 3]); plt.bar(['Woolf', 'Kafka'], [1, 2], label='new'); plt.ylabel('Books')";
        let chart = chart_of(code).await;
        let Chart::Bar(chart) = chart else { panic!("{chart:?}") };
        let bars: Vec<_> = chart.elements.iter().map(|bar| (bar.label.as_str(), bar.group.as_str(), bar.value)).collect();
        let expected = [("Woolf", "Group 0", 9.0), ("Kafka", "Group 0", 3.0), ("Woolf", "new", 1.0), ("Kafka", "new", 2.0)];
        assert_eq!(bars, expected);
        assert_eq!(chart.y_label.as_deref(), Some("Books"));
        let chart = chart_of("plt.barh(['Woolf', 'Kafka'], [9, 3]); plt.xlabel('Books')").await;
        let Chart::Bar(chart) = chart else { panic!("{chart:?}") };
        assert_eq!((chart.elements[1].label.as_str(), chart.elements[1].value), ("Kafka", 3.0));
        assert_eq!((chart.x_label, chart.y_label.as_deref()), (None, Some("Books")));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_pie_chart() {
        let chart = chart_of("plt.pie([1, 3], labels=['quarter', 'rest'], radius=2); plt.title('Pie')").await;
        let Chart::Pie(chart) = chart else { panic!("{chart:?}") };
        assert_eq!(chart.title.as_deref(), Some("Pie"));
        let slices: Vec<_> = chart.elements.iter().map(|slice| (slice.label.as_str(), slice.angle, slice.radius)).collect();
        assert_eq!(slices, [("quarter", 90.0, 2.0), ("rest", 270.0, 2.0)]);
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn a_box_and_whisker_chart() {
        let code = "plt.boxplot([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5.5, 20]], tick_labels=['A', 'B'], patch_artist=True)";
        let chart = chart_of(code).await;
        let Chart::BoxAndWhisker(chart) = chart else { panic!("{chart:?}") };
        let [first, second] = &chart.elements[..] else { panic!("{:?}", chart.elements) };
        assert_eq!((first.label.as_str(), first.min, first.first_quartile, first.median), ("A", 1.0, 2.0, 3.0));
        assert_eq!((first.third_quartile, first.max, first.outliers.len()), (4.0, 5.0, 0));
        assert_eq!((second.label.as_str(), &second.outliers[..]), ("B", &[20.0][..]));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn several_charts_in_a_figure() {
        let code = "figure, (left, right, odd) = plt.subplots(1, 3); figure.suptitle('All')\nleft.plot([1, 2, 4])\n\
                    right.bar(['x', 'y'], [1, 2]); right.set_title('Bars')\nodd.imshow(np.eye(2)); odd.set_title('Odd')";
        let chart = chart_of(code).await;
        let Chart::Super(chart) = chart else { panic!("{chart:?}") };
        assert_eq!(chart.title.as_deref(), Some("All"));
        let [Chart::Line(_), Chart::Bar(bars), Chart::Other(odd)] = &chart.elements[..] else { panic!("{chart:?}") };
        assert_eq!(bars.title.as_deref(), Some("Bars"));
        assert_eq!(*odd, json!({ "type": "unknown", "title": "Odd", "elements": [] }));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn figures_with_no_chart() {
        let result = run("figure, axes = plt.subplots()").await;
        assert!(is_png(&result.outputs[0]) && result.outputs[0].chart().is_none());
        assert_eq!(result.outputs[0].get("e2b/chart"), Some(&json!({})));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn figures_stand_where_they_were_shown() {
        let code = "print('one'); plt.plot([1]); plt.show(); print('two')\nplt.plot([2]); display('three'); plt.title('late'); 'value'";
        let result = run(code).await;
        let kinds: Vec<_> = result.outputs.iter().map(|output| (is_png(output), output.is_main)).collect();
        assert_eq!(kinds, [(true, false), (false, false), (false, true), (true, false)]);
        assert!(matches!(result.outputs[3].chart(), Some(Chart::Line(chart)) if chart.title.as_deref() == Some("late")));
        assert_eq!(result.stdout(), "one\ntwo\n");
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn tables() {
        let code = "pd.DataFrame({'when': pd.to_datetime(['2024-05-06', None]), 'n': [1.5, np.nan], 'name': ['a', None], 7: [1, 2]})";
        let result = run(code).await;
        let [output] = &result.outputs[..] else { panic!("{:?}", result.outputs) };
        assert!(output.is_main && output.html().unwrap().contains("<table"));
        assert!(output.text().unwrap().contains("2024-05-06"));
        let expected = json!({ "when": ["2024-05-06T00:00:00", null], "n": [1.5, null], "name": ["a", null], "7": [1, 2] });
        assert_eq!(output.table(), Some(&expected));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn images_displayed_and_saved() {
        let code = "from PIL import Image\nimport io\nimage = Image.new('RGB', (3, 2), 'red')\nimage.save('red.png')\n\
                    image.save(io.BytesIO(), 'png'); image.show()\nimage";
        let result = run(code).await;
        let [saved, value] = &result.outputs[..] else { panic!("{:?}", result.outputs) };
        assert!(is_png(saved) && !saved.is_main && is_png(value) && value.is_main);
        assert!(value.text().unwrap().contains("3x2"));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn lists_and_dictionaries_with_what_numpy_makes() {
        let code = "[np.float64('inf'), np.int8(3), {'array': np.eye(2, dtype=int), np.int64(4): np.datetime64('2024-05-06T07:08', 'ns')}]";
        let result = run(code).await;
        let expected = json!([null, 3, { "array": [[1, 0], [0, 1]], "4": "2024-05-06T07:08:00" }]);
        assert_eq!(result.outputs[0].json(), Some(&expected));
        assert!(result.text().unwrap().contains("array("));
    }

    #[ignore = "needs libraries; .ci/libraries installs them"]
    async fn an_image_of_20_megabytes_arrives_whole() {
        let code = "from PIL import Image\nimage = Image.frombytes('RGB', (3000, 2400), np.random.bytes(3000 * 2400 * 3))\ndisplay(image)";
        let result = run(code).await;
        let png = result.outputs[0].bytes("image/png").unwrap();
        assert!(png.len() > 20 << 20 && png.ends_with(b"IEND\xaeB`\x82"), "{}", png.len());
    }
}
