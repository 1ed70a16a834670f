//! The same cells over both of what runs Python. What differs is listed in `docs/notebook.md`.
//!
//! The half with IPython needs an interpreter that has it; `.ci/libraries` installs one and runs these tests.

use std::time::{Duration, Instant};

use code_interpreter::Shell;
use serde_json::json;

use super::libraries;
use super::notebook::story;
use super::peer::*;

/// Cells that run one after the other in one context, and what both shells make of them; `*` stands for more that
/// each writes in its own way.
#[rustfmt::skip]
const CELLS: &[(&str, &str)] = &[
    // State and values.
    ("x = 41\nx + 1", "value:42"),
    ("_", "value:42"),
    ("_ + _1, Out[1], In[1]", "value:(84, 42, 'x = 41\\nx + 1')"),
    ("x;", ""),
    ("None", ""),
    ("", ""),
    ("# only a comment", ""),
    ("'quoted'", "value:quoted"),
    ("def f(): return __name__\nclass C: pass\nf(), C.__module__", "value:('__main__', '__main__')"),
    ("import pickle, inspect; type(pickle.loads(pickle.dumps(C()))) is C, inspect.getsource(f)", 
     "value:(True, 'def f(): return __name__\\n')"),
    ("if x:\n    'not the last expression'", ""),
    ("list(range(2000))[-1], len(repr(list(range(2000))))", "value:(1999, 10890)"),
    // Errors.
    ("kept = 1\n1/0", "error:ZeroDivisionError: division by zero"),
    ("kept", "value:1"),
    ("missing", "error:NameError: name 'missing' is not defined"),
    ("class E(BaseException): pass\nraise E('x')", "error:E: x"),
    ("raise KeyboardInterrupt", "error:KeyboardInterrupt: "),
    ("class R:\n    def __repr__(self): raise ValueError('no')\nR()", "error:ValueError: no"),
    ("def deep(): deep()\ntry: deep()\nexcept RecursionError as e: print('deep')", "out:deep\n"),
    ("import asyncio\nx = (", "error:SyntaxError: *"),
    ("print('never')\n  1", "error:IndentationError: unexpected indent (<cell 21>, line 2)"),
    ("x = 1 +", "error:SyntaxError: invalid syntax (<cell 22>, line 1)"),
    // Awaits, on one loop for all cells.
    ("import asyncio\nawait asyncio.sleep(0.01, 'slept')", "value:slept"),
    ("async def later():\n    await asyncio.sleep(0.05)\n    print('later')",
     ""),
    ("await asyncio.sleep(0); task = asyncio.ensure_future(later()); loop = asyncio.get_running_loop()", ""),
    ("await task, loop is asyncio.get_running_loop()", "out:later\n|value:(None, True)"),
    ("async with asyncio.Lock(): print('held')", "out:held\n"),
    ("[i async for i in (j async for j in later_numbers())]", "error:NameError: name 'later_numbers' is not defined"),
    ("asyncio.run(asyncio.sleep(0, 'own loop'))", "value:own loop"),
    ("await asyncio.sleep(0); 1/0", "error:ZeroDivisionError: division by zero"),
    // Prints and displays, in their order.
    ("import sys, os\nprint('a'); display('b'); os.write(2, b'c'); display('c')\nos.write(1, b'd\\n'); 'e'",
     "out:a\n|shown:b|err:c|shown:c|out:d\n|value:e"),
    ("print('no line end', end='')", "out:no line end"),
    ("for i in range(3): print(i); display(i)", "out:0\n|shown:0|out:1\n|shown:1|out:2\n|shown:2"),
    ("h = display(1, display_id='i'); h.update(2)", "shown:1"),
    ("class D:\n    def _ipython_display_(self): print('own')\nD()", "out:own\n"),
    ("display(1, 2)", "shown:1|shown:2"),
    // Threads, processes, forks.
    ("import threading\nt = threading.Thread(target=lambda: (print('in'), display('thread')))\nt.start(); t.join()",
     "out:in\n|shown:thread"),
    ("import subprocess\nsubprocess.run(['echo', 'sub']); os.system('echo sys')", "out:sub\nsys\n|value:0"),
    ("pid = os.fork()\nif pid == 0: print('child'); sys.exit(5)\nos.waitpid(pid, 0)[1] >> 8",
     "out:child\n|value:5"),
    ("import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as p: print(p.map(abs, [-1, -2]))", "out:[1, 2]\n"),
    // Input and exit.
    ("input('name? ')", "out:name? |error:EOFError: EOF when reading a line"),
    ("sys.exit(3)", "error:SystemExit: 3"),
    ("print('before'); exit(); print('after')", "out:before\n|error:SystemExit: None"),
    ("print('still'); kept", "out:still\n|value:1"),
    // Unicode.
    ("größe = '😀é'; print(größe); größe", "out:😀é\n|value:😀é"),
    ("print('\\ud800')", "out:\\ud800\n"),
    ("raise ValueError('\\udfff')", "error:ValueError: \u{FFFD}"),
    ("s = '''\\r\\n\u{2028}\u{c}'''; len(s)", "value:4"),
    // Commands and magics.
    ("!echo {kept} $kept; exit 3", "out:1 1\n"),
    ("_exit_code", "value:3"),
    ("lines = !printf 'a\\nb\\n'\nlines, lines.n", "value:(['a', 'b'], 'a\\nb')"),
    ("%%bash\necho $0; sleep 0.1; echo err >&2", "out:bash\n|err:err\n"),
    ("%env CELLS=1\n%env CELLS", "out:env: CELLS=1\n|value:1"),
    ("%matplotlib inline", ""),
    ("%%capture c\nprint('p')\ndisplay(1)", ""),
    ("c.stdout, len(c.outputs)", "value:('p\\n', 1)"),
    ("%%writefile f.py\ny = 1", "out:Writing f.py\n"),
    ("%run f.py\ny", "value:1"),
    ("%%html\n<b>", "shown:*"),
    ("get_ipython().run_line_magic('env', 'CELLS')", "value:1"),
    // Streams and hooks that user code breaks.
    ("sys.stdout.close()", ""),
    ("print('open again')", "out:open again\n"),
    ("sys.stdout = None", ""),
    ("print('back')", "out:back\n"),
];

fn check(name: &str, peer: &Peer) {
    let id = peer.create();
    let (_, info) = peer.get(&format!("/sandboxes/{id}"));
    assert!(info["shell"].as_str().unwrap().starts_with(name), "{info}");
    let mut wrong = Vec::new();
    for (cell, expected) in CELLS {
        let run = peer.run(&id, cell);
        let told = story(&run);
        let is_right = match expected.strip_suffix('*') {
            Some(start) => told.starts_with(start),
            None => told == *expected,
        };
        if !is_right || run.traceback.contains('\x1b') || run.traceback.contains("code_interpreter") {
            wrong.push(format!("{cell}\n  expected {expected:?}\n  got      {told:?}\n{}", run.traceback));
        }
    }
    assert_eq!(peer.text(&id, &format!("len('{}')", "y".repeat(1 << 20))), (1 << 20).to_string());
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n\n"));
}

#[test]
fn cells_of_the_standard_shell() {
    check("standard", &Peer::new());
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn cells_of_ipython() {
    check("ipython", &libraries::peer_with(Shell::IPython));
}

/// Code that is in Python, in a program, awaits, or is in C: only the last costs the state.
fn check_interrupts(peer: &Peer) {
    let id = peer.create();
    peer.run(&id, "import asyncio, time, subprocess, os\nkept = 1");
    for cell in [
        "while True: pass",
        "time.sleep(100)",
        "await asyncio.sleep(100)",
        "subprocess.run(['sleep', '100'])",
        "!sleep 100",
        "%%bash\nsleep 100",
        "lines = !sleep 100",
    ] {
        let start = Instant::now();
        let run = peer.run_with(&id, json!({"code": cell, "timeout": 0.5}));
        assert_eq!(run.error(), "ExecutionTimeout", "{cell}: {run:?}");
        assert!(run.value.contains("kept"), "{cell}: {}", run.value);
        assert!(start.elapsed() < Duration::from_secs(4), "{cell}: {:?}", start.elapsed());
        assert_eq!(peer.text(&id, "kept"), "1", "{cell}");
    }
    let run = peer.run_with(&id, json!({"code": "sum(range(10**12))", "timeout": 0.5}));
    assert!(run.value.contains("lost"), "{}", run.value);
    assert_eq!(peer.run(&id, "kept").error(), "NameError");
}

#[test]
fn interrupts_of_the_standard_shell() {
    check_interrupts(&Peer::new());
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn interrupts_of_ipython() {
    check_interrupts(&libraries::peer_with(Shell::IPython));
}

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn ipython_keeps_to_the_sandbox_and_to_its_user() {
    let peer = libraries::peer_with(Shell::IPython);
    let id = peer.create();
    assert_eq!(peer.text(&id, "import os; os.listdir(os.path.expanduser('~'))"), "['.tmp']");
    assert_eq!(peer.text(&id, "import threading; threading.active_count()"), "1");
    assert!(peer.text(&id, "type(get_ipython()).__mro__").contains("InteractiveShell"));
    let code =
        "class P: pass\nget_ipython().display_formatter.formatters['text/html'].for_type(P, lambda p: '<p>')\nP()";
    let run = peer.run(&id, code);
    assert!(run.events.iter().any(|event| event["html"] == "<p>" && event["is_main_result"] == true), "{run:?}");
    let run = peer.run(&id, "{'a': [1]}");
    assert!(run.events.iter().any(|event| event["json"] == json!({"a": [1]})), "{run:?}");
    let run = peer.run(&id, "def f():\n    1/0\n\nf()");
    assert!(run.traceback.contains("<cell 6>\", line 4") && !run.traceback.contains("IPython"), "{}", run.traceback);
    assert_eq!(peer.run(&id, "%nope").error(), "UsageError");
    let help = peer.run(&id, "f?").stdout;
    assert!(help.contains("Signature:") && !help.contains('\x1b'), "{help:?}");
    assert!(peer.run(&id, "%timeit -n 2 -r 1 f").stdout.contains("per loop"));
    // What it does not have builtins for is put right by the next cell.
    peer.run(&id, "import builtins; vars(builtins).clear()");
    assert_eq!(peer.text(&id, "len([1])"), "1");
}

#[test]
fn an_interpreter_without_ipython() {
    let scratch = Scratch::new();
    let python = scratch.0.join("bare/bin/python");
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(scratch.0.join("bare"))
        .status();
    assert!(made.unwrap().success());
    let peer = Peer::with(|builder| builder.python(&python).shell(Shell::IPython));
    let (status, problem) = peer.post("/sandboxes", json!({}));
    let message = problem["message"].as_str().unwrap_or_default();
    assert!(status >= 400 && message.contains("-m pip install ipython"), "{status} {problem}");
    let peer = Peer::with(|builder| builder.python(&python).shell(Shell::IfAvailable));
    let (_, info) = peer.get(&format!("/sandboxes/{}", peer.create()));
    assert_eq!(info["shell"], "standard", "{info}");
}
