//! What the engine knows of libraries. `.ci/libraries` installs them and runs these tests.

use code_interpreter::Shell;

use super::peer::*;
use serde_json::{Value, json};

/// An engine whose interpreter has the libraries, with the shell that `CODE_INTERPRETER_TEST_SHELL` names.
fn peer() -> Peer {
    match std::env::var("CODE_INTERPRETER_TEST_SHELL").as_deref() {
        Ok("standard") => peer_with(Shell::Standard),
        _ => peer_with(Shell::IPython),
    }
}

pub fn peer_with(shell: Shell) -> Peer {
    let python = std::env::var("CODE_INTERPRETER_TEST_PYTHON").expect("run .ci/libraries");
    Peer::with(|builder| builder.python(python).shell(shell))
}

fn results(run: &Run) -> Vec<&Value> {
    run.events.iter().filter(|event| event["type"] == "result").collect()
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn figures_are_results() {
    let peer = peer();
    let id = peer.create();
    let images = |run: &Run| {
        let png = |event: &&Value| event["png"].as_str().is_some_and(|png| png.starts_with("iVBOR"));
        (run.events.iter().filter(png).count(), run.error.clone(), run.stderr.clone())
    };
    let one = (1, None, String::new());
    let start = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n";
    let run = peer.run(&id, &format!("{start}plt.show()\nprint('after')"));
    assert_eq!(images(&run), one);
    let mut kinds = run.kinds();
    kinds.dedup();
    assert_eq!(kinds, ["number_of_executions", "result", "stdout", "end_of_execution"]);
    assert_eq!(images(&peer.run(&id, &format!("{start}None"))), one);
    assert_eq!(images(&peer.run(&id, "fig, ax = plt.subplots(); ax.plot([1]); fig")), one);
    assert_eq!(images(&peer.run(&id, "1")), (0, None, String::new()));
    assert_eq!(images(&peer.run(&id, &format!("{start}1/0"))).0, 1);
    assert_eq!(images(&peer.run(&id, "2")).0, 0);
}

/// Each figure is followed by the chart that E2B's own extraction makes of it.
#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn charts_are_those_of_the_peer() {
    let peer = peer();
    let id = peer.create();
    let run = peer.run(&id, include_str!("figures.py"));
    assert_eq!(run.error, None, "{}", run.traceback);
    let results = results(&run);
    let names: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(results.len(), 2 * names.len());
    let charts = results.chunks(2).map(|pair| (&pair[0]["chart"], &pair[1]["json"]));
    for (name, (ours, theirs)) in names.iter().zip(charts) {
        assert!(ours.is_object() && theirs.is_object(), "{name}: {ours} {theirs}");
        assert_eq!(ours, theirs, "{name}");
    }
    let kinds: std::collections::BTreeSet<_> =
        results.iter().filter_map(|result| result["chart"]["type"].as_str()).collect();
    let expected = ["bar", "box_and_whisker", "line", "pie", "scatter", "superchart", "unknown"];
    assert!(kinds.into_iter().eq(expected));
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn figures_that_cannot_be_drawn_are_told_of_and_gone() {
    let peer = peer();
    let id = peer.create();
    let run = peer.run(&id, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('$\\\\frac$')\n7");
    assert_eq!((run.error.as_deref(), run.text.as_deref()), (None, Some("7")), "{run:?}");
    assert!(run.stderr.contains("frac"), "{run:?}");
    assert!(results(&run).iter().all(|result| result.get("png").is_none()));
    assert_eq!(peer.run(&id, "8").kinds(), ["number_of_executions", "result", "end_of_execution"]);
    let run = peer.run(&id, "plt.figure()");
    let [result] = results(&run)[..] else { panic!("{run:?}") };
    assert_eq!((&result["chart"], result.get("png")), (&json!({}), None));
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn what_is_too_large_or_odd_for_data_still_has_its_text() {
    let peer = peer();
    let id = peer.create();
    peer.run(&id, "import numpy as np, pandas as pd");
    let result = |code: &str| {
        let run = peer.run(&id, code);
        assert_eq!(run.error, None, "{code}: {}", run.traceback);
        results(&run).last().map(|result| (*result).clone()).unwrap()
    };
    let large = result("pd.DataFrame({'x': np.zeros(6_000_000)})");
    assert!(large.get("data").is_none() && large["html"].is_string() && large["text"].is_string());
    let long = result("pd.DataFrame({'x': ['y' * 70_000_000]})");
    assert!(long.get("data").is_none() && long["text"].is_string());
    let array = result("[np.zeros(6_000_000)]");
    assert!(array.get("json").is_none() && array["text"].is_string());
    let cyclic = result("d = {}; d['d'] = [d]; d");
    assert!(cyclic.get("json").is_none() && cyclic["text"] == "{'d': [{...}]}");
    let odd = result(
        "from decimal import Decimal\ncell = []; cell.append(cell)\n\
         pd.DataFrame({('a', 1): [Decimal('1.5'), object], 2: [pd.NaT, pd.Timedelta('1s')], pd.Timestamp('2024-05-06'): [pd.NA, {1}]})",
    );
    let data = json!({"('a', 1)": ["1.5", "<class 'object'>"], "2": [null, "0 days 00:00:01"], "2024-05-06T00:00:00": [null, "{1}"]});
    assert_eq!(odd["data"], data);
    assert!(result("pd.DataFrame({'x': [cell]})").get("data").is_none());
    assert_eq!(result("pd.DataFrame([[1, 2]], columns=['a', 'a'])")["data"], json!({"a": [2]}));
    assert_eq!(result("pd.DataFrame()")["data"], json!({}));
    assert!(result("pd.DataFrame").get("data").is_none());
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn libraries_are_known_however_they_are_imported() {
    let peer = peer();
    let count = |code: &str| {
        let run = peer.run(&peer.create(), code);
        assert_eq!((run.error.as_deref(), run.stderr.as_str()), (None, ""), "{code}");
        results(&run).len()
    };
    let show = "plt.plot([1]); plt.show(); print(len(plt.get_fignums()))";
    assert_eq!(count(&format!("from matplotlib import pyplot as plt\n{show}")), 1);
    assert_eq!(
        count(&format!(
            "import importlib.util\nimportlib.util.find_spec('matplotlib.pyplot')\nfrom pylab import plt\n{show}"
        )),
        1
    );
    assert_eq!(count(&format!("import importlib, matplotlib.pyplot as plt\nplt = importlib.reload(plt)\n{show}")), 1);
    let save = "image = PIL.Image.new('1', (1, 1)); image.save('x.png')";
    assert_eq!(count(&format!("import PIL.Image\n{save}")), 1);
    assert_eq!(count(&format!("import importlib, PIL.Image\nimportlib.reload(PIL.Image)\n{save}")), 1);
    assert_eq!(count("import PIL.Image, io\nPIL.Image.new('1', (1, 1)).save(io.BytesIO(), 'png')"), 0);
    assert_eq!(count("import PIL.Image\nPIL.Image.new('1', (1, 1)).show()"), 0);
    assert_eq!(count("import matplotlib.pyplot as plt\nplt.plot([1]); plt.savefig('x.png'); plt.close()"), 0);
    let missing = "try:\n    import PIL.ImageShow.nothing, matplotlib.pyplot.nothing\nexcept ImportError: pass\n1";
    assert_eq!(count(missing), 1);
}
