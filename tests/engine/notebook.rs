//! Python as in a notebook, where IPython is not installed.

use std::time::{Duration, Instant};

use super::peer::*;
use serde_json::{Value, json};

/// From here on, an IPython that the machine happens to have is not found.
const WITHOUT_PACKAGES: &str =
    "import sys\nsys.path[:] = [path for path in sys.path if not path.endswith('-packages')]";

/// What a cell did, in the order in which it came: `out:..`, `err:..`, `shown:..`, `value:..` and `error:name: value`.
/// Pieces of one stream are joined.
pub fn story(run: &Run) -> String {
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
        ("!echo out; sleep 0.1; echo err >&2", "out:out\n|err:err\n"),
        ("!exit 3\n_exit_code", "value:3"),
        ("print('before')\n!echo between\nprint('after')", "out:before\nbetween\nafter\n"),
        (
            "x = !printf 'a b\\nc\\n'\nx, x.n, x.s, x.l == x, x.fields(0)",
            "value:(['a b', 'c'], 'a b\\nc', 'a b c', True, ['a', 'c'])",
        ),
        (
            "d = {}\nd['k'] = !echo v; false\na, b = !printf '1\\n2'\nd, a, b, _exit_code",
            "value:({'k': ['v']}, '1', '2', 0)",
        ),
        ("!!echo shown", "value:['shown']"),
        ("v = 'val'; l = [3]\n!echo {v} $v {v[0:2]} {l[0] + 1} {{}}", "out:val val va 4 {}\n"),
        ("!x=shell; echo $$x '$v'", "out:shell $v\n"),
        ("!echo {missing} {v}", "out:{missing} {v}\n"),
        ("def f(local):\n    !echo {local}\n    return 1\nf('inside')", "out:inside\n|value:1"),
        ("for i in range(2):\n    !echo {i} \\\n       more\n    print('-')", "out:0 more\n-\n1 more\n-\n"),
        ("get_ipython().system('echo {v}')\nget_ipython().getoutput('echo {v}')", "out:val\n|value:['val']"),
        ("!sleep 0.01 && echo later &\n!sleep 0.1", "out:later\n"),
    ]);
}

#[test]
fn scripts() {
    check(&[
        ("%%bash\nfor i in 1 2; do echo $i; done", "out:1\n2\n"),
        ("\n\n%%bash\necho '{v} $0'", "out:{v} $0\n"),
        ("%%sh --out o --err e\necho o; echo e >&2", ""),
        ("o, e", "value:('o\\n', 'e\\n')"),
        ("%%bash\nexit 3", "error:CalledProcessError: Command 'bash' returned non-zero exit status 3."),
        ("%%bash --no-raise-error\nexit 4", ""),
        ("_exit_code", "value:4"),
        ("%%python3\nprint('other')", "out:other\n"),
        ("%%script cat\nx", "out:x\n"),
        ("%%bash --no-raise-error -s {1 + 1} b\necho $1 $2; exit 1", "out:2 b\n"),
        ("%%html\n<b>", "shown:<b>\n"),
    ]);
}

#[test]
fn what_is_python_stays_python() {
    check(&[
        ("s = '''\n!echo no\n%cd /nowhere\nx = !no\nhelp?\n'''\n!echo {len(s)}", "out:37\n"),
        ("t = (17\n%5)\nu = 17 \\\n%5\n!echo {t} {u}", "out:2 2\n"),
        ("s = \"a\\\n!no\" # ' \"\n!echo {s}", "out:a!no\n"),
        ("s = r'\\' ' + \"'\" # '''\n!echo {len(s)}", "out:4\n"),
        ("s = {'a=%s': [1], \"%b\": 2} ; x = 5 %len(s)\n!echo {x}", "out:1\n"),
        ("\n    x = 1\n    if x:\n        x = 2\n    x", "value:2"),
        ("\n    x = 3\n    !echo {x}", "out:3\n"),
        ("x != 3", "value:False"),
    ]);
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "x = 2");
    for bad in ["x == !no", "x = (\n!no", "print(1)?", "if x:\n!ls\n  1", "!echo no\nx = ("] {
        let run = peer.run(&id, bad);
        assert!(matches!(run.error(), "SyntaxError" | "IndentationError"), "{bad}: {run:?}");
        assert_eq!(run.stdout, "", "{bad}");
    }
    assert_eq!(peer.text(&id, "x"), "2");
}

#[test]
fn magics() {
    check(&[
        (
            "import os\nhome = os.getcwd()\nos.mkdir('inner')\n%cd -q inner\nhere = %pwd\nhere == home + '/inner'",
            "value:True",
        ),
        ("%cd -q -\nos.getcwd() == home", "value:True"),
        ("%cd -q inner\n%cd -q\nos.getcwd() == home", "value:True"),
        ("%cd /", "out:/\n"),
        ("%cd -q {home}\n%cd nowhere", "error:FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'"),
        ("%env A=1 2\n%env A", "out:env: A=1 2\n|value:1 2"),
        ("a = %env\na['A'], 'HOME' in a, [n for n in a if 'CODE_INTERPRETER' in n]", "value:('1 2', True, [])"),
        ("%env MISSING", "error:UsageError: the environment has no MISSING"),
        ("%%writefile f.py\nimport sys\nx = [__name__, *sys.argv[1:]]\nprint(x)", "out:Writing f.py\n"),
        ("%%writefile -a f.py\ny = 1", "out:Appending to f.py\n"),
        (
            "%run f.py 'a b' c\nx, y, __name__",
            "out:['__main__', 'a b', 'c']\n|value:(['__main__', 'a b', 'c'], 1, '__main__')",
        ),
        ("%ls *.py", "out:f.py\n"),
        ("ls f.py -1", "out:f.py\n"),
        ("t = %timeit -o -q -n 3 -r 2 x[0]\nt.loops, len(t.all_runs), t.best <= t.worst", "value:(3, 2, True)"),
        ("%%timeit -q -n 1 -r 1 q = 5\nassert q == 5\nx.append(q)", ""),
        ("x[-1]", "value:5"),
        ("%matplotlib inline\n%config InlineBackend.figure_format = 'retina'", ""),
        ("%reset -f\n%who", "out:No variables.\n"),
        ("b = 1; a = 'text'\n%who\n%who str", "out:a\tb\na\n"),
        ("%%capture c\nprint('p')\n!echo cmd\ndisplay(1)\n2", ""),
        ("c.stdout", "value:p\\ncmd\\n"),
        ("c.show()", "out:p\ncmd\n|shown:1|shown:2"),
        (
            "get_ipython().run_line_magic('who', ''); get_ipython().run_cell_magic('bash', '', 'echo 1')",
            "out:a\tb\tc\n1\n",
        ),
        ("get_ipython().register_magic_function(lambda line: line * 2, 'line', 'twice')\n%twice {b}x", "value:1x1x"),
    ]);
}

#[test]
fn times_help_and_what_is_unknown() {
    let peer = Peer::new();
    let id = peer.create();
    for cell in ["%%time\nx = 6\nawaited = await __import__('asyncio').sleep(0, 7)\nx * awaited", "%time x * awaited"] {
        let run = peer.run(&id, cell);
        assert_eq!(run.text.as_deref(), Some("42"), "{run:?}");
        assert!(run.stdout.contains("CPU times: user ") && run.stdout.contains("\nWall time: "), "{run:?}");
    }
    let run = peer.run(&id, "%timeit -n 2 -r 1 x\n%%timeit?");
    assert!(run.stdout.contains("per loop (mean ± std. dev. of 1 run, 2 loops each)"), "{run:?}");
    peer.run(&id, "def f(a, b=2):\n    'What it does.'\n    return a");
    for (cell, parts) in [
        ("f?", &["f(a, b=2)", "What it does.", "<cell 4>"][..]),
        ("?f", &["What it does."]),
        ("f??", &["    return a\n"]),
        ("x?", &["int", "6"]),
        ("missing?", &["Object `missing` not found."]),
        ("%cd?", &["%cd [-q] DIRECTORY"]),
        ("%lsmagic", &["%timeit", "%%bash"]),
        ("%whos", &["Variable", "awaited", "function"]),
    ] {
        let run = peer.run(&id, cell);
        assert!(parts.iter().all(|part| run.stdout.contains(part)) && run.error.is_none(), "{cell}: {run:?}");
    }
    for (cell, hint) in [
        ("%nope", "there is no magic %nope. There are: %cat, "),
        ("%%nope\n1", "there is no cell magic %%nope. There are: "),
        ("x = 1\n%%bash", "there is no magic %%bash. It is one for a whole cell, and has to be in its first line."),
        ("%bash\n1", "there is no magic %bash. %%bash exists for a whole cell."),
        ("x = %nope", "%nope"),
        ("%timeit -z 1", "-z is not an option of this magic. There are: -q, -o, -n, -r"),
        ("%timeit -n many 1", "-n takes a whole number, not 'many'"),
        ("%run", "%run needs the name of a Python file"),
        ("%run nope", "%run finds no file 'nope', and no 'nope.py', from '/"),
        ("%load_ext", "%load_ext needs the name of a module"),
        ("%load_ext nope", "%load_ext cannot import 'nope': No module named 'nope'; check the name; install"),
        ("%load_ext json", "'json' is not an extension: it has no load_ipython_extension; use `import json`"),
        ("%%script nope\n1", "'nope', cannot be started: [Errno 2] No such file or directory: 'nope'; check its name"),
    ] {
        let run = peer.run(&id, cell);
        assert!(run.error() == "UsageError" && run.value.contains(hint), "{cell}: {run:?}");
        assert!(!run.traceback.contains("subprocess.py"), "{cell}: {run:?}");
    }
}

#[test]
fn tracebacks_name_the_cell_and_the_line() {
    let peer = Peer::new();
    let id = peer.create();
    for (cell, error, line, text) in [
        ("!echo 1\n\n1/0", "ZeroDivisionError", 3, "1/0"),
        ("x = !echo \\\n  1\n1/0", "ZeroDivisionError", 3, "1/0"),
        ("%%time\n\n1/0", "ZeroDivisionError", 3, "1/0"),
        ("%%timeit -n 1 -r 1\n\n1/0", "ZeroDivisionError", 3, "1/0"),
        ("%%capture\n%%time\n1/0", "ZeroDivisionError", 3, "1/0"),
        ("\n%time 1/0", "ZeroDivisionError", 2, "%time 1/0"),
        ("if 1:\n    %cd /nowhere", "FileNotFoundError", 2, "%cd /nowhere"),
        ("!echo 1\nx = (", "SyntaxError", 2, "x = ("),
    ] {
        let run = peer.run(&id, cell);
        let count = run.events.iter().find_map(|event| event["execution_count"].as_u64()).unwrap();
        assert_eq!(run.error(), error, "{cell}: {run:?}");
        let place = format!("File \"<cell {count}>\", line {line}");
        let at = run.traceback.find(&place).unwrap_or_else(|| panic!("{cell}: {}", run.traceback));
        let shown = run.traceback[at..].lines().nth(1).unwrap().trim();
        assert_eq!(shown, text, "{cell}: {}", run.traceback);
        for alien in ["\x1b", "code_interpreter", "get_ipython"] {
            assert!(!run.traceback.contains(alien), "{cell}: {}", run.traceback);
        }
    }
}

#[test]
fn output_of_commands_is_live_and_they_can_be_interrupted() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "kept = 'kept'");
    for cell in
        ["!echo on; sleep 100", "x = !echo on; sleep 100", "%%bash\necho on\nsleep 100", "%time !echo on; sleep 9"]
    {
        let start = Instant::now();
        let run = peer.run_with(&id, json!({"code": cell, "timeout": 0.7}));
        assert_eq!(run.error(), "ExecutionTimeout", "{cell}: {run:?}");
        assert!(start.elapsed() < Duration::from_secs(5), "{cell}: {:?}", start.elapsed());
        assert_eq!(run.stdout.contains("on\n"), !cell.starts_with("x ="), "{cell}: {run:?}");
        assert_eq!(peer.text(&id, "kept"), "kept", "{cell}");
    }
    let mut stream = peer.start(&id, json!({"code": "!echo first; sleep 2; echo second"}));
    let start = Instant::now();
    let first = stream.by_ref().map(Result::unwrap).find(|event| event["type"] == "stdout").unwrap();
    assert!(first["text"] == "first\n" && start.elapsed() < Duration::from_millis(1800), "{first}");
}

#[test]
fn display_and_the_objects_for_it() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, WITHOUT_PACKAGES);
    let run = peer
        .run(&id, "from IPython.display import *\nfrom IPython import get_ipython as g\nassert g() is get_ipython()");
    assert!(run.error.is_none(), "{run:?}");
    let result = |code: &str| {
        let run = peer.run(&id, code);
        let results: Vec<_> = run.events.iter().filter(|event| event["type"] == "result").cloned().collect();
        assert!(results.len() < 2 && run.error.is_none(), "{code}: {run:?}");
        results.into_iter().next().unwrap_or(Value::Null)
    };
    for (code, field, content) in [
        ("HTML('<b>')", "html", json!("<b>")),
        ("display(HTML('<b>'))", "html", json!("<b>")),
        ("Markdown('# x')", "markdown", json!("# x")),
        ("Latex('$x$')", "latex", json!("$x$")),
        ("Math('x')", "latex", json!("$\\displaystyle x$")),
        ("SVG('<svg/>')", "svg", json!("<svg/>")),
        ("JSON({'a': [1]})", "json", json!({"a": [1]})),
        ("JSON('[2]')", "json", json!([2])),
        ("Javascript('1')", "javascript", json!("1")),
        ("Pretty('as it is')", "text", json!("as it is")),
        ("Code('a < b')", "html", json!("<pre><code>a &lt; b</code></pre>")),
        ("Image(b'\\x89PNG')", "png", json!("iVBORw==")),
        ("Image(data=b'\\xff\\xd8')", "jpeg", json!("/9g=")),
        ("_ = open('i.png', 'wb').write(b'\\x89PNG'); Image('i.png')", "png", json!("iVBORw==")),
        ("Image(url='http://x/y.png', width=5)", "html", json!("<img src=\"http://x/y.png\" width=\"5\"/>")),
        ("Audio([0, 1, 0], rate=8000).data[:4]", "text", json!("b'RIFF'")),
        ("display({'text/html': '<i>', 'x/y': 'z'}, raw=True)", "extra", json!({"x/y": "z"})),
        ("display(HTML('<b>'), exclude=['text/html'])", "html", Value::Null),
        ("display(HTML('<b>'), include=['text/html'])", "text", Value::Null),
        ("display(1, include=['text/html'])", "text", Value::Null),
        ("h = display(1, display_id=True); h.update(2); clear_output()", "text", json!("1")),
        ("display_html('<u>', raw=True)", "html", json!("<u>")),
        ("get_ipython().run_cell('40 + 2')\nNone", "text", json!("42")),
    ] {
        assert_eq!(result(code).get(field).unwrap_or(&Value::Null), &content, "{code}");
    }
    let run = peer.run(&id, "class D:\n    def _ipython_display_(self): print('own')\nD()");
    assert_eq!(story(&run), "out:own\n");
    assert_eq!(peer.run(&id, "import IPython.nothing").error(), "ModuleNotFoundError");
}

#[test]
fn earlier_cells_and_values() {
    check(&[
        ("'a'", "value:a"),
        ("2", "value:2"),
        ("3", "value:3"),
        ("_, __, ___", "value:(3, 2, 'a')"),
        ("Out[3], _3, len(Out)", "value:(2, 2, 4)"),
        ("None", ""),
        ("4;", ""),
        ("_", "value:(2, 2, 4)"),
        ("In[2], len(In)", "value:(\"'a'\", 11)"),
    ]);
}

#[test]
fn installed_packages_are_found_by_the_next_cell() {
    check_packages(&Peer::new());
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn installed_packages_are_found_in_ipython() {
    check_packages(&super::libraries::peer_with(code_interpreter::Shell::IPython));
}

fn check_packages(peer: &Peer) {
    let wheel = "import zipfile\ndef wheel(name, value):\n    \
                 with zipfile.ZipFile(f'{name}-1.0-py3-none-any.whl', 'w') as z:\n        \
                 z.writestr(f'{name}.py', f'value = {value}')\n        info = f'{name}-1.0.dist-info/'\n        \
                 z.writestr(info + 'METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')\n        \
                 z.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n        \
                 z.writestr(info + 'RECORD', '')\n";
    let id = peer.create();
    let run = peer.run(&id, &format!("{wheel}wheel('ours', 1); wheel('theirs', 2)"));
    assert!(run.error.is_none(), "{run:?}");
    assert_eq!(peer.run(&id, "import ours").error(), "ModuleNotFoundError");
    let run = peer.run(&id, "%pip install --no-index ./ours-1.0-py3-none-any.whl");
    assert!(run.stdout.contains("Successfully installed ours") && !run.stderr.contains("network"), "{run:?}");
    for cell in ["%pip install nosuch", "!pip install nosuch"] {
        let start = std::time::Instant::now();
        let run = peer.run(&id, cell);
        assert!(
            run.stderr.contains("This sandbox has no network") && run.stderr.contains("Policy::network"),
            "{run:?}"
        );
        // Of the waits between its attempts alone, pip's own would take 7.5 s.
        assert!(start.elapsed() < std::time::Duration::from_secs(7), "{:?}", start.elapsed());
    }
    let code = "import os, ours\nours.value, ours.__file__.startswith(os.path.expanduser('~/'))";
    assert_eq!(peer.text(&id, code), "(1, True)");
    let run = peer.run(&id, "!python3 -m pip install -q --no-index ./theirs-1.0-py3-none-any.whl\n_exit_code");
    assert_eq!(run.text.as_deref(), Some("0"), "{run:?}");
    assert_eq!(peer.text(&id, "import theirs; theirs.value"), "2");
    // By other contexts as well.
    let other = peer.post(&format!("/sandboxes/{id}/contexts"), json!({})).1["id"].as_str().unwrap().to_owned();
    let run = peer.run_with(&id, json!({"code": "import ours; ours.value", "context_id": other}));
    assert_eq!(run.text.as_deref(), Some("1"), "{run:?}");
}

#[test]
fn replaced_builtins_do_not_break_magics_for_good() {
    let peer = Peer::new();
    let id = peer.create();
    for code in ["builtins.compile = builtins.exec = builtins.len = None", "vars(builtins).clear()"] {
        peer.run(&id, &format!("import builtins\n{code}"));
        // The standard library runs on the builtins of user code, so the first command may fail.
        peer.run(&id, "!echo maybe");
        assert_eq!(peer.run(&id, "!echo fine").stdout, "fine\n", "{code}");
    }
    let run = peer.run(&id, "get_ipython = None\n%pwd");
    assert_eq!(run.error(), "TypeError", "{run:?}");
    assert_eq!(story(&peer.run(&id, "del get_ipython\n!echo fine")), "out:fine\n");
}

/// Without its shell.
#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn displays_of_ipython_itself_arrive() {
    let peer = super::libraries::peer_with(code_interpreter::Shell::Standard);
    let id = peer.create();
    let run = peer.run(&id, "import IPython, sys\nhasattr(IPython, 'is_stand_in')");
    assert_eq!(run.text.as_deref(), Some("False"), "{run:?}");
    let run = peer.run(
        &id,
        "from IPython.display import display, display_html, clear_output, update_display, HTML, Markdown\n\
         handle = display(HTML('<b>'), display_id='a')\nhandle.update(1)\nupdate_display(2, display_id='a')\n\
         clear_output()\ndisplay_html('<i>', raw=True)\ndisplay({'text/html': '<u>'}, raw=True)\nMarkdown('# x')",
    );
    let results: Vec<_> = run.events.iter().filter(|event| event["type"] == "result").collect();
    let html: Vec<_> = results.iter().map(|result| result["html"].as_str().unwrap_or_default()).collect();
    assert_eq!(html, ["<b>", "<i>", "<u>", ""], "{run:?}");
    assert_eq!((&results[3]["markdown"], run.stdout.as_str()), (&json!("# x"), ""));
    assert_eq!(peer.text(&id, "from IPython import get_ipython as g\ng() is get_ipython()"), "True");
    assert_eq!(peer.text(&id, "IPython.display.__name__"), "IPython.display");
}
