//! Python as in a notebook, where IPython is not installed.

use std::time::{Duration, Instant};

use super::peer::*;
use serde_json::{Value, json};

/// From here on, an IPython that the machine happens to have is not found.
const WITHOUT_PACKAGES: &str =
    "import sys\nsys.path[:] = [path for path in sys.path if not path.endswith('-packages')]";

/// What a cell did, in the order in which it came: `out:..`, `err:..`, `shown:..`, `value:..` and `error:name: value`.
/// Pieces of one stream are joined.
fn story(run: &Run) -> String {
    let mut told: Vec<(&str, String)> = Vec::new();
    for event in &run.events {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (kind, text) = match event["type"].as_str().unwrap() {
            "stdout" => ("out", text("text")),
            "stderr" => ("err", text("text")),
            "result" if event["is_main_result"] == true => ("value", text("text")),
            "result" => ("shown", text("text")),
            "error" => ("error", format!("{}: {}", text("name"), text("value"))),
            _ => continue,
        };
        match told.last_mut() {
            Some((last, before)) if *last == kind && matches!(kind, "out" | "err") => before.push_str(&text),
            _ => told.push((kind, text)),
        }
    }
    told.iter().map(|(kind, text)| format!("{kind}:{text}")).collect::<Vec<_>>().join("|")
}

/// Runs the cells one after the other in one context.
fn check(cells: &[(&str, &str)]) {
    let peer = Peer::new();
    let id = peer.create();
    assert_eq!(story(&peer.run(&id, WITHOUT_PACKAGES)), "");
    for (cell, expected) in cells {
        let run = peer.run(&id, cell);
        assert_eq!(story(&run), *expected, "{cell}\n{run:?}");
        assert!(!run.traceback.contains('\x1b') && !run.traceback.contains("code_interpreter"), "{}", run.traceback);
    }
}

#[test]
fn commands() {
    check(&[
        ("!echo out; echo err >&2", "out:out\n|err:err\n"),
        ("!exit 3\n_exit_code", "value:3"),
        ("!kill -9 $$$$\n_exit_code", "value:-9"),
        ("print('before')\n!echo between\nprint('after')", "out:before\nbetween\nafter\n"),
        ("x = !printf 'a b\\nc\\n'\nx, x.n, x.s, x.l == x, x.fields(0)", "value:(['a b', 'c'], 'a b\\nc', 'a b c', True, ['a', 'c'])"),
        ("d = {}\nd['k'] = !echo v; false\na, b = !printf '1\\n2'\nd, a, b", "value:({'k': ['v']}, '1', '2')"),
        ("!!echo shown", "value:['shown']"),
        ("v = 'val'\n!echo {v} $v {v[0:2]!r} {1 + 1} $$v '$v'", "out:val val va 2 $v\n".replace("$v\n", "").trim_end()),
    ][..7]);
    check(&[
        ("v = 'val'; l = [3]\n!echo {v} $v {v[0:2]} {l[0] + 1} {{}}", "out:val val va 4 {}\n"),
        ("!v=shell; echo $$v; echo '$v'", "out:shell\n$v\n"),
        ("!echo {missing} $v", "out:{missing}\n"),
        ("def f(local):\n    !echo {local}\n    return 1\nf('inside')", "out:inside\n|value:1"),
        ("for i in range(2):\n    !echo {i} \\\n       more\n    print('-')", "out:0 more\n-\n1 more\n-\n"),
        ("get_ipython().system('echo {v}')\nget_ipython().getoutput('echo {v}')", "out:val\n|value:['val']"),
        ("%%bash\nfor i in 1 2; do echo $i; done\necho no >&2", "out:1\n2\n|err:no\n"),
        ("%%sh --out o --err e\necho o; echo e >&2", ""),
        ("o, e", "value:('o\\n', 'e\\n')"),
        ("%%bash\nexit 3", "error:CalledProcessError: Command 'bash' returned non-zero exit status 3."),
        ("%%bash --no-raise-error\nexit 3", ""),
        ("%%python3\nprint('other')", "out:other\n"),
        ("%%script cat\nx", "out:x\n"),
    ]);
}

#[test]
fn what_is_python_stays_python() {
    check(&[
        ("s = '''\n!echo no\n%cd /nowhere\nx = !no\nhelp?\n'''\nlen(s.splitlines())", "value:5"),
        ("t = (17\n%5)\nu = 17 \\\n%5\n!echo {t} {u}", "out:2 2\n"),
        ("s = \"a\\\n!no\" # ' \"\n!echo {s}", "out:a!no\n"),
        ("s = f\"{'''x'''}\" + r'\\' # '''\n!echo yes", "error:SyntaxError: {}"),
        ("    x = 1\n    if x:\n        x = 2\n    x", "value:2"),
        ("x = 7\nx != 5", "value:True"),
        ("x == !no", "error:SyntaxError: {}"),
        ("x = (\n!no", "error:SyntaxError: {}"),
        ("# help?\n!echo yes # 'no", "error:SyntaxError: {}"),
    ][..3]);
    let peer = Peer::new();
    let id = peer.create();
    assert_eq!(peer.text(&id, "\n    x = 1\n    if x:\n        x = 2\n    x"), "2");
    for bad in ["x == !no", "x = (\n!no", "x = 1 +\n!no", "print(1)?", "%", "def f():\n!ls\n  1"] {
        let run = peer.run(&id, bad);
        assert!(matches!(run.error(), "SyntaxError" | "IndentationError" | "UsageError"), "{bad}: {run:?}");
        assert_eq!(run.stdout, "", "{bad}");
    }
    assert_eq!(peer.text(&id, "x"), "2");
}
