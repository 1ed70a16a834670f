//! What Python does in a sandbox.

use super::peer::*;
use serde_json::json;

#[test]
fn values_state_and_errors() {
    let peer = Peer::new();
    let id = peer.create();
    let run = peer.run(&id, "1+1");
    assert_eq!(run.text.as_deref(), Some("2"));
    assert_eq!(run.kinds(), ["number_of_executions", "result", "end_of_execution"]);
    assert_eq!(run.events[0]["execution_count"], 1);
    assert_eq!(peer.run(&id, "x = 41").kinds(), ["number_of_executions", "end_of_execution"]);
    assert_eq!(peer.text(&id, "x + 1"), "42");
    assert_eq!(peer.text(&id, "_"), "42");
    assert_eq!(peer.text(&id, "'quoted'"), "quoted");
    assert!(peer.run(&id, "x;").text.is_none());
    for empty in ["", "\n", "# only a comment"] {
        assert_eq!(peer.run(&id, empty).kinds(), ["number_of_executions", "end_of_execution"], "{empty:?}");
    }

    let run = peer.run(&id, "def f():\n    return 1 / 0\n\nf()");
    assert_eq!((run.error(), run.value.as_str()), ("ZeroDivisionError", "division by zero"));
    assert!(
        run.traceback.contains("<cell 10>\", line 4") && run.traceback.contains("return 1 / 0"),
        "{}",
        run.traceback
    );
    assert!(!run.traceback.contains("driver") && !run.traceback.contains('\x1b'), "{}", run.traceback);
    assert_eq!(peer.text(&id, "x"), "41");
    let run = peer.run(&id, "print('before')\nx = (");
    assert_eq!((run.error(), run.stdout.as_str()), ("SyntaxError", ""));
    assert_eq!(peer.run(&id, "import sys; sys.exit(3)").error(), "SystemExit");
    assert_eq!(peer.run(&id, "exit()").error(), "SystemExit");
    assert_eq!(peer.run(&id, "input('name? ')").error(), "EOFError");
    assert_eq!(peer.text(&id, "x"), "41");
}

#[test]
fn carets_stand_below_what_failed_also_in_the_last_line() {
    let peer = Peer::new();
    let id = peer.create();
    for cell in ["def f(): pass\n1 + f.x", "def f(): pass\n1 + f.x\n", "def f(): pass\r1 + f.x\r", "1 + f.x"] {
        let traceback = peer.run(&id, cell).traceback;
        // Pythons before 3.11 have none.
        assert!(
            !traceback.contains('^') || traceback.contains("\n    1 + f.x\n        ^^^\n"),
            "{cell:?}: {traceback}"
        );
    }
    peer.run(&id, "import inspect\ndef g(): return 1");
    assert_eq!(peer.text(&id, "inspect.getsource(g)"), "def g(): return 1\\n");
}

#[test]
fn errors_that_break_while_they_are_told() {
    let peer = Peer::new();
    let id = peer.create();
    let bad = "class Bad(Exception):\n    def __str__(self): raise RuntimeError('no')\n";
    assert_eq!(peer.run(&id, &format!("{bad}raise Bad()")).error(), "Bad");
    assert_eq!(peer.run(&id, "class R:\n    def __repr__(self): raise MemoryError\nR()").error(), "MemoryError");
    assert_eq!(peer.run(&id, "def f(): f()\nf()").error(), "RecursionError");
    assert_eq!(peer.run(&id, "class E(BaseException): pass\nraise E('x')").error(), "E");
    assert_eq!(peer.run(&id, "raise KeyboardInterrupt").error(), "KeyboardInterrupt");
    assert_eq!(peer.text(&id, "'\\ud800ok'"), "\\ud800ok");
    let run = peer.run(&id, "print('\\ud800')\ndisplay(type('S', (), {'__repr__': lambda s: '\\ud800'})())");
    assert_eq!(run.stdout, "\\ud800\n");
    assert_eq!(run.events[2]["text"], "\u{FFFD}");
    assert_eq!(peer.run(&id, "raise ValueError('\\udfff')").value, "\u{FFFD}");
    let meta = "class Meta(type):\n    @property\n    def __name__(cls): raise RuntimeError('no name')\n    \
                def __getattribute__(cls, name): raise RuntimeError('nothing')\n\
                class Hostile(Exception, metaclass=Meta):\n    def __bool__(self): raise RuntimeError('no truth')\n    \
                def __getattribute__(self, name): raise RuntimeError('nothing')\n";
    let run = peer.run(&id, &format!("kept = 1\n{meta}raise Hostile('x')"));
    assert_eq!((run.error(), run.value.as_str()), ("Hostile", "x"), "{run:?}");
    let text = "class Text(str):\n    def __str__(self): raise RuntimeError('no text')\n";
    let named = "class Named(Exception):\n    def __str__(self): return Text('y')\nNamed.__name__ = Text('Name')\n";
    let run = peer.run(&id, &format!("{text}{named}raise Named()"));
    assert_eq!((run.error(), run.value.as_str()), ("Name", "y"), "{run:?}");
    assert_eq!(peer.text(&id, "kept"), "1");
    assert!(peer.run(&id, "raise OSError('x' * (210 << 20))").value.contains("limit"));
    assert_eq!(peer.text(&id, "1"), "1");
}

#[test]
fn builtins_that_user_code_replaces() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "kept = 1");
    for (code, error) in [
        ("builtins.len = None; builtins.isinstance = None; builtins.getattr = None", None),
        (
            "builtins.len = builtins.isinstance = builtins.getattr = builtins.repr = None\n1/0",
            Some("ZeroDivisionError"),
        ),
        ("del builtins.isinstance, builtins.str, builtins.open, builtins.print\n[kept]", None),
        ("def no(*_): raise RuntimeError('no')\nbuiltins.isinstance = builtins.len = no\ndisplay(kept)", None),
        ("for name in list(vars(builtins)): delattr(builtins, name) if name != 'delattr' else None", None),
        ("vars(builtins).clear()", None),
    ] {
        let run = peer.run(&id, &format!("import builtins\n{code}"));
        assert_eq!(run.error.as_deref(), error, "{code}: {run:?}");
        assert!(run.stderr.contains("put back builtins") && run.stderr.contains("isinstance"), "{run:?}");
        let run = peer.run(&id, "len([kept]), isinstance(kept, int)");
        assert_eq!((run.text.as_deref(), run.stderr.as_str()), (Some("(1, True)"), ""), "{code}");
    }
    // What does no harm stays.
    peer.run(&id, "builtins.print = lambda *values: display(*values)");
    assert_eq!(peer.run(&id, "print('shown')").kinds(), ["number_of_executions", "result", "end_of_execution"]);
    assert_eq!(peer.run(&id, "import json, sys\njson.dumps = json.loads = None\ndel sys.stdout").error, None);
    assert_eq!(peer.text(&id, "kept"), "1");
}

#[test]
fn order_of_text_and_results() {
    let peer = Peer::new();
    let id = peer.create();
    let code = "import os\nfor i in range(100):\n    print('p', i)\n    display(i)\n    os.write(1, b'w\\n')\n";
    for _ in 0..3 {
        let run = peer.run(&id, code);
        let told: Vec<String> = run.events[1..run.events.len() - 1]
            .iter()
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect();
        let joined = told.concat();
        let expected: String = (0..100).map(|i| format!("p {i}\n{i}w\n")).collect();
        assert_eq!(joined, expected);
    }
    let run = peer.run(&id, "import sys\nprint('out', end='', flush=True)\nsys.stderr.write('err')\nos.system('echo child')\nimport subprocess; _ = subprocess.run(['echo', 'sub'])");
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("outchild\nsub\n", "err"));
}

#[test]
fn order_of_text_and_results_of_threads() {
    let peer = Peer::new();
    let id = peer.create();
    let code = "import os, threading, time\ndef show(name, count):\n    for i in range(count):\n        \
                print(name, i)\n        display(i)\n        os.write(1, b'w\\n')\n";
    let told = |run: &Run| -> String {
        run.events[1..run.events.len() - 1].iter().map(|event| event["text"].as_str().unwrap()).collect()
    };
    let in_thread = "def run(*threads):\n    for t in threads: t.start()\n    for t in threads: t.join()\n\
                     run(threading.Thread(target=show, args=('p', 100)))";
    let expected: String = (0..100).map(|i| format!("p {i}\n{i}w\n")).collect();
    for _ in 0..3 {
        assert_eq!(told(&peer.run(&id, &format!("{code}{in_thread}"))), expected);
    }
    let run = peer.run(&id, "run(*(threading.Thread(target=show, args=(n, 100)) for n in 'abc'))\nshow('d', 100)");
    assert_eq!(run.events.iter().filter(|event| event["type"] == "result").count(), 400);
    // Threads that outlive their run are not held up, and have no part in the next one.
    let late = "done = []\ndef late():\n    for i in range(20):\n        time.sleep(0.05)\n        display('late')\n    \
                done.append(1)\nthreading.Thread(target=late).start()";
    assert_eq!(peer.run(&id, late).error, None);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(peer.text(&id, "done"), "[1]");
}

#[test]
fn rich_results() {
    let peer = Peer::new();
    let id = peer.create();
    let run = peer.run(
        &id,
        "class Rich:\n    def __repr__(self): return 'rich'\n    def _repr_html_(self): return '<b>'\n    \
         def _repr_png_(self): return b'\\x89PNG'\n    def _repr_latex_(self): raise ValueError('no latex')\n    \
         def _repr_mimebundle_(self, include=None, exclude=None): return {'x/y': 'z', 'a/b+json': [1]}\nRich()",
    );
    let result = run.events.iter().find(|event| event["type"] == "result").unwrap();
    assert_eq!(
        (&result["html"], &result["png"], &result["text"], &result["extra"]),
        (&json!("<b>"), &json!("iVBORw=="), &json!("rich"), &json!({"x/y": "z", "a/b+json": [1]}))
    );
    assert!(result.get("latex").is_none() && run.stderr.contains("no latex"));
    let json_of = |code: &str| peer.run(&id, code).events[1].get("json").cloned();
    assert_eq!(json_of("{'b': [1, None, True], 'a': 'é'}"), Some(json!({"b": [1, null, true], "a": "é"})));
    assert_eq!(json_of("[float('nan'), {'a': -float('inf')}]"), Some(json!([null, {"a": null}])));
    let known = "import dataclasses, datetime, enum, uuid\n@dataclasses.dataclass\nclass D:\n    a: int = 1\n\
                 class E(enum.Enum):\n    A = 2\nwhen = datetime.datetime(2024, 5, 6, 7)\n\
                 [D(), E.A, uuid.UUID(int=3), when.date(), when.time(), {when: (None,), E.A: 1, None: 2}]";
    let expected = json!([
        {"a": 1}, 2, "00000000-0000-0000-0000-000000000003", "2024-05-06", "07:00:00",
        {"2024-05-06T07:00:00": [null], "2": 1, "null": 2},
    ]);
    assert_eq!(json_of(known), Some(expected));
    assert_eq!(json_of("{(1, 2): 3}"), None);
    assert_eq!(json_of("['NaN', 'Infinity', float('nan')]"), Some(json!(["NaN", "Infinity", null])));
    assert_eq!(json_of("[10**400]"), None);
    assert_eq!(json_of("[object()]"), None);
    assert_eq!(json_of("x = []\nfor _ in range(300): x = [x]\nx"), None);
    assert_eq!(json_of("x = []\nfor _ in range(100000): x = [x]\nNone"), None);
    assert_eq!(json_of("x.append(1); [1]"), Some(json!([1])));
}

#[test]
fn python_beyond_expressions() {
    let peer = Peer::new();
    let id = peer.create();
    assert_eq!(peer.text(&id, "import asyncio\nawait asyncio.sleep(0.01)\nawait asyncio.sleep(0, 'slept')"), "slept");
    peer.run(&id, "async def f():\n    return 7\ntask = asyncio.ensure_future(f()) if False else None");
    assert_eq!(peer.text(&id, "[x async for x in (lambda: (i async for i in g()))()] if False else await f()"), "7");
    assert_eq!(peer.text(&id, "asyncio.run(f())"), "7");
    assert_eq!(peer.text(&id, "await f()"), "7");
    let code = "import pickle, inspect\nclass C:\n    pass\ndef g():\n    return 'source'\n\
                (type(pickle.loads(pickle.dumps(C()))).__name__, inspect.getsource(g))";
    assert_eq!(peer.text(&id, code), "('C', \"def g():\\n    return 'source'\\n\")");
    let code = "def square(n):\n    return n * n\nimport multiprocessing\n\
                with multiprocessing.get_context('fork').Pool(2) as pool:\n    r = pool.map(square, range(4))\nr";
    if is_expected("namespaces") {
        assert_eq!(peer.text(&id, code), "[0, 1, 4, 9]");
    }
    let run = peer.run(&id, "import os\npid = os.fork()\nif pid == 0:\n    print('child')\nelse:\n    os.waitpid(pid, 0)\n    print('parent')");
    assert_eq!(run.stdout, "child\nparent\n");
    let run = peer.run(
        &id,
        "pid = os.fork()\nif pid == 0:\n    import sys; sys.exit(3)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    );
    assert_eq!(run.text.as_deref(), Some("3"));
    peer.run(&id, "open('mymodule.py', 'w').write('value = 5')");
    assert_eq!(peer.text(&id, "import mymodule; mymodule.value"), "5");
    assert_eq!(peer.text(&id, "__name__"), "__main__");
}

#[test]
fn a_run_has_its_environment_and_directory() {
    let peer = Peer::new();
    let id = peer.create_with(json!({"envVars": {"A": "sandbox", "B": "b"}}));
    let code = "import os\n(os.environ.get('A'), os.environ.get('B'), os.environ.get('C'))";
    let run = peer.run_with(&id, json!({"code": code, "env_vars": {"A": "run", "C": "it's \"quoted\""}}));
    assert_eq!(run.text.as_deref(), Some("('run', 'b', 'it\\'s \"quoted\"')"));
    assert_eq!(peer.text(&id, code), "('sandbox', 'b', None)");
    assert_eq!(peer.text(&id, "os.getcwd() == os.environ['HOME']"), "True");
    assert_eq!(peer.text(&id, "import tempfile\ntempfile.mkdtemp().startswith(os.environ['TMPDIR'])"), "True");
    // Nothing of the host's environment but PATH comes along.
    let names = peer.text(&id, "sorted(n for n in os.environ if not n.startswith(('LC_', 'PYTHON')))");
    assert_eq!(
        names,
        "['A', 'B', 'CODE_INTERPRETER_OFFLINE', 'CODE_INTERPRETER_SANDBOX', 'HOME', 'LANG', 'MPLBACKEND', 'MPLCONFIGDIR', \
         'PATH', 'PIP_RETRIES', 'TMPDIR']"
    );
    let (status, _) = peer.post(&format!("/sandboxes/{id}/execute"), json!({"code": "1", "env_vars": {"": "x"}}));
    assert_eq!(status, 400);
}
