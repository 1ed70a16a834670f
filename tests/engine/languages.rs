//! Languages other than Python, as the wire shows them.

use std::time::{Duration, Instant};

use super::peer::*;
use crate::without_node;
use serde_json::{Value, json};

fn run(peer: &Peer, sandbox: &str, language: &str, code: &str) -> Run {
    peer.run_with(sandbox, json!({"code": code, "language": language}))
}

/// What a cell comes to: text printed, text printed as errors, the text of its value, and the name of its error.
type Cell = (&'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

const BASH: &[Cell] = &[
    ("echo out; echo err >&2", "out\n", "err\n", None, None),
    ("x=1; f() { echo \"f $x\"; }; declare -A map=([key]=value); cd /", "", "", None, None),
    ("f; echo ${map[key]}; pwd", "f 1\nvalue\n/\n", "", None, None),
    ("false", "", "", None, Some("ExitStatus")),
    ("echo $?; (exit 7)", "1\n", "", None, Some("ExitStatus")),
    ("false\ntrue", "", "", None, None),
    ("", "", "", None, None),
    ("# only a comment", "", "", None, None),
    ("read line; echo \"<$line>\"; cat", "<>\n", "", None, None),
    ("echo 'é€😀'; printf '\\xff'", "é€😀\n\u{FFFD}", "", None, None),
    ("cat <<END\nhere $x\nEND", "here 1\n", "", None, None),
    ("true | false; echo ${PIPESTATUS[*]}", "0 1\n", "", None, None),
    ("echo 'un\\$quoted \" '\"'\"'`'", "un\\$quoted \" '`\n", "", None, None),
    ("unalias -a; set -u; IFS=e; PS1=prompt", "", "", None, None),
    ("set +u; unset IFS; echo still", "still\n", "", None, None),
    ("history | wc -l; ls -a ~ | grep -c history", "0\n0\n", "", None, Some("ExitStatus")),
];

const JAVASCRIPT: &[Cell] = &[
    ("console.log('out'); console.error('err'); 1 + 1", "out\n", "err\n", Some("2"), None),
    ("let x = 1; const y = [1]; class A { m() { return x } }; function f() { return y }", "", "", None, None),
    ("let x = 2; const y = 3; class A { m() { return 'm' } }; x + y", "", "", Some("5"), None),
    ("f() + new A().m()", "", "", Some("3m"), None),
    ("await Promise.resolve(x)", "", "", Some("2"), None),
    ("const late = await new Promise(done => setTimeout(() => done('late'), 20)); class B {}", "", "", None, None),
    ("late + typeof B", "", "", Some("latefunction"), None),
    ("const late = await 'again'; late", "", "", Some("again"), None),
    (
        "import os, { EOL } from 'os'\nimport * as path from 'node:path'\nimport 'fs'\ntypeof os.cpus + EOL.length + path.join('a', 'b')",
        "",
        "",
        Some("function1a/b"),
        None,
    ),
    ("(await import('fs')).existsSync('/') && require('path').sep", "", "", Some("/"), None),
    ("`import x from 'y'` /* await import { z } from 'w' */", "", "", Some("import x from 'y'"), None),
    ("undefined", "", "", None, None),
    ("null", "", "", Some("null"), None),
    ("'é€😀'", "", "", Some("é€😀"), None),
    (
        "process.stdout.write('no end of line'); process.stdout.end(); console.log('!')",
        "no end of line!\n",
        "",
        None,
        None,
    ),
    ("throw new TypeError('bad')", "", "", None, Some("TypeError")),
    ("throw 'a string'", "", "", None, Some("Uncaught")),
    ("await Promise.reject(new RangeError('later'))", "", "", None, Some("RangeError")),
    ("missing", "", "", None, Some("ReferenceError")),
    ("let = =", "", "", None, Some("SyntaxError")),
    ("await 1 +", "", "", None, Some("SyntaxError")),
    ("import nothing from './nothing.mjs'", "", "", None, Some("Error")),
    ("require('fs').readFileSync(0).length", "", "", Some("0"), None),
    ("require('child_process').execSync('echo child').toString()", "", "", Some("child\\n"), None),
    (
        "require('child_process').spawnSync('echo', ['child'], { stdio: 'inherit' }).status",
        "child\n",
        "",
        Some("0"),
        None,
    ),
    ("Promise.reject(new Error('nobody waits')); 1", "", "Error: nobody waits\n", Some("1"), None),
    ("", "", "", None, None),
    ("x", "", "", Some("2"), None),
];

fn check(peer: &Peer, sandbox: &str, language: &str, cells: &[Cell]) {
    for (count, (code, stdout, stderr, text, error)) in cells.iter().enumerate() {
        let run = run(peer, sandbox, language, code);
        assert_eq!(run.stdout, *stdout, "{code}: {run:?}");
        assert!(run.stderr.starts_with(stderr) && run.stderr.is_empty() == stderr.is_empty(), "{code}: {run:?}");
        assert_eq!((run.text.as_deref(), run.error.as_deref()), (*text, *error), "{code}: {run:?}");
        assert_eq!(run.events[0]["execution_count"], json!(count + 1), "{code}");
    }
}

#[test]
fn cells_of_bash() {
    let peer = Peer::new();
    let id = peer.create();
    check(&peer, &id, "bash", BASH);
    let failed = run(&peer, &id, "bash", "kill -9 $BASHPID & wait $!");
    assert_eq!((failed.value.as_str(), failed.traceback.contains("SIGKILL")), ("137", true), "{failed:?}");
    for broken in ["if true; then echo 'x", "for x in\n", "((", "echo $((1/0)); echo on", "echo ${missing:?}"] {
        let run = run(&peer, &id, "bash", broken);
        assert!(run.error() == "ExitStatus" && !run.stderr.is_empty(), "{broken}: {run:?}");
    }
    assert_eq!(run(&peer, &id, "bash", "f").stdout, "f 1\n");
    // What the shell says of its jobs, and of what the driver has it do, is nobody's output.
    let traced = run(&peer, &id, "bash", "set -x; true; set +x; sleep 0.1 & wait; sleep 0.1");
    assert!(!traced.stderr.contains("__cell") && !traced.stderr.contains("Done"), "{traced:?}");
    assert_eq!(run(&peer, &id, "bash", "echo end").stderr, "");
}

#[test]
fn cells_of_javascript() {
    if without_node() {
        return;
    }
    let peer = Peer::new();
    let id = peer.create();
    check(&peer, &id, "javascript", JAVASCRIPT);
    let ordered = run(&peer, &id, "js", "console.log(1); display({ a: 1 }); console.log(2); [3, { b: null }]");
    assert_eq!(ordered.kinds()[1..], ["stdout", "result", "stdout", "result", "end_of_execution"]);
    assert_eq!(ordered.events[2]["json"], json!({"a": 1}));
    assert_eq!(ordered.events[4]["json"], json!([3, {"b": null}]));
    let rich = "({ [Symbol.for('Jupyter.display')]: () => ({ 'text/html': '<b>', 'application/json': [1] }) })";
    let rich = run(&peer, &id, "js", rich);
    assert_eq!((&rich.events[1]["html"], &rich.events[1]["json"]), (&json!("<b>"), &json!([1])));
    let failed = run(&peer, &id, "js", "function f() {\n  throw new Error('here')\n}\nf()");
    assert!(failed.traceback.contains("at f (<cell-") && failed.traceback.contains(":2:"), "{}", failed.traceback);
    assert!(!failed.traceback.contains("node:"), "{}", failed.traceback);
    let failed = run(&peer, &id, "js", "1\nlet = 5 5");
    assert!(failed.traceback.contains(":2\nlet = 5 5\n"), "{}", failed.traceback);
    let halves = run(&peer, &id, "js", "display(['\\ud800']); console.log('\\ud800'); throw new Error('\\udc00')");
    assert_eq!((halves.stdout.as_str(), halves.value.as_str()), ("\u{FFFD}\n", "\u{FFFD}"));
}

#[test]
fn cells_of_typescript() {
    if without_node() {
        return;
    }
    let peer = Peer::new();
    let id = peer.create();
    let (status, problem) = peer.post(&format!("/sandboxes/{id}/contexts"), json!({"language": "typescript"}));
    if status != 200 {
        let message = problem["message"].as_str().unwrap();
        assert_eq!(status, 400, "{message}");
        assert!(message.contains("node that can strip types") && message.contains("22.13"), "{message}");
        assert!(std::env::var_os("CODE_INTERPRETER_TEST_TYPESCRIPT").is_none(), "{message}");
        return;
    }
    let cells: &[Cell] = &[
        ("const n: number = 1; interface I { a: string }", "", "", None, None),
        ("const n = 2 as number; n", "", "", Some("2"), None),
        ("enum Colour { Red = 4 }", "", "", Some("4"), None),
        ("Colour.Red + (await Promise.resolve<number>(1))", "", "", Some("5"), None),
        ("import { EOL } from 'os'; import type { X } from 'y'; EOL!.length", "", "", Some("1"), None),
        ("const n: = 1", "", "", None, Some("SyntaxError")),
        ("n", "", "", Some("2"), None),
    ];
    for (code, _, stderr, text, error) in cells {
        let run = run(&peer, &id, "ts", code);
        if !code.starts_with("enum") {
            assert_eq!(
                (run.stderr.as_str(), run.text.as_deref(), run.error.as_deref()),
                (*stderr, *text, *error),
                "{code}"
            );
        }
    }
    // The same program, but another context.
    assert_eq!(run(&peer, &id, "javascript", "n").error(), "ReferenceError");
}

/// Each of these prints `on` and goes on for ever.
const ENDLESS: &[(&str, &str)] = &[
    ("bash", "echo on; sleep 100; echo after"),
    ("bash", "echo on; while true; do sleep 0.1; done; echo after"),
    ("bash", "echo on; while :; do :; done"),
    ("bash", "g() { while true; do sleep 100 | cat; done; }; echo on; g; echo after"),
    ("bash", "echo on; (sleep 100; echo after) | cat; echo after"),
    ("bash", "echo on; y=$(sleep 100); echo after"),
    ("bash", "echo on; sleep 100 & wait; echo after"),
    ("bash", "echo on; python3 -c 'import time; time.sleep(100)'; echo after"),
    ("bash", "while true; do echo on; done"),
    ("javascript", "console.log('on'); while (true) {}"),
    ("javascript", "console.log('on'); await new Promise(() => {})"),
    ("javascript", "console.log('on'); await null; while (true) {}"),
    ("javascript", "console.log('on'); while (true) await new Promise(done => setTimeout(done, 10))"),
    (
        "javascript",
        "import { setTimeout as sleep } from 'timers/promises'\nwhile (true) { console.log('on'); await sleep(10) }",
    ),
    ("javascript", "console.log('on'); require('child_process').execSync('sleep 100')"),
    (
        "javascript",
        "const { exec } = require('child_process'); console.log('on'); await require('util').promisify(exec)('sleep 100')",
    ),
    ("javascript", "while (true) console.log('on')"),
    ("javascript", "console.log('on'); process.nextTick(() => { while (true) {} })"),
];

#[test]
fn what_does_not_end_is_interrupted_and_state_kept() {
    let peer = Peer::new();
    let id = peer.create();
    let there = |language: &str| language == "bash" || !without_node();
    for (language, code) in ENDLESS.iter().filter(|(language, _)| there(language)) {
        // Node has moments, at the edges of its own handling, in which an interrupt costs the process.
        let attempts = if *language == "javascript" { 3 } else { 1 };
        let failures: Vec<_> = (0..attempts).map_while(|_| interrupt_twice(&peer, &id, language, code).err()).collect();
        assert!(failures.len() < attempts, "{code}: {failures:?}");
    }
}

/// Interrupts a cell by its timeout, and another by going away; an error when that cost the state.
fn interrupt_twice(peer: &Peer, id: &str, language: &str, code: &str) -> Result<(), String> {
    let keep = if language == "bash" { "kept=kept" } else { "kept = 'kept'; undefined" };
    run(peer, id, language, keep);
    let start = Instant::now();
    let ended = peer.run_with(id, json!({"code": code, "language": language, "timeout": 0.5}));
    assert!(!ended.stdout.contains("after"), "{code}");
    let is_told = ended.error.as_deref() == Some("ExecutionTimeout") && ended.value.contains("kept");
    if !is_told || !ended.stdout.starts_with("on\n") || start.elapsed() > Duration::from_millis(1900) {
        return Err(format!("{:?}: {ended:?}", start.elapsed()));
    }
    let mut stream = peer.start(id, json!({"code": code, "language": language}));
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["type"] != "stdout") {
        seen.push(stream.next().unwrap_or_else(|| panic!("{code}: {seen:?}")).unwrap());
    }
    drop(stream);
    let show = if language == "bash" { "echo $kept" } else { "console.log(kept)" };
    let after = run(peer, id, language, show);
    if after.stdout == "kept\n" { Ok(()) } else { Err(format!("{after:?}")) }
}

#[test]
fn what_withstands_an_interrupt_loses_its_kernel() {
    let peer = Peer::new();
    let id = peer.create();
    let mut cells = vec![("bash", "x=1; trap '' INT; sleep 100", "echo \"<$x>\"", "<>\n")];
    if !without_node() {
        cells.push((
            "js",
            "x = 1; setTimeout(() => { while (true) {} }, 1); await new Promise(() => {})",
            "console.log(typeof x)",
            "undefined\n",
        ));
    }
    for (language, code, show, shown) in cells {
        let ended = peer.run_with(&id, json!({"code": code, "language": language, "timeout": 1.5}));
        assert!(ended.error() == "ExecutionTimeout" && ended.value.contains("lost"), "{ended:?}");
        assert_eq!(run(&peer, &id, language, show).stdout, shown);
    }
}

#[test]
fn a_kernel_that_exits_is_told_of_and_replaced() {
    let peer = Peer::new();
    let id = peer.create();
    let mut cells = vec![
        ("bash", "x=1; sleep 100 & echo last words; exit 3", "status 3", "echo \"<$x>\"", "<>\n"),
        ("bash", "echo last words; set -e; false", "status 1", "echo \"<$x>\"", "<>\n"),
        ("bash", "echo last words; kill -9 $$; sleep 10", "signal 9", "echo \"<$x>\"", "<>\n"),
        ("bash", "echo last words; exec true", "status 0", "echo \"<$x>\"", "<>\n"),
    ];
    if !without_node() {
        cells.extend([
            (
                "js",
                "x = 1; console.log('last words'); process.exit(3)",
                "status 3",
                "console.log(typeof x)",
                "undefined\n",
            ),
            (
                "js",
                "console.log('last words'); await 0; process.kill(process.pid, 'SIGKILL'); while (true) {}",
                "signal 9",
                "console.log(typeof x)",
                "undefined\n",
            ),
        ]);
    }
    for (language, code, how, show, shown) in cells {
        let died = run(&peer, &id, language, code);
        assert!(died.error().starts_with("KernelDied") || died.error().starts_with("KernelKilled"), "{died:?}");
        assert!(died.value.contains(how) && died.stdout == "last words\n", "{code}: {died:?}");
        assert_eq!(run(&peer, &id, language, show).stdout, shown, "{code}");
    }
    if !without_node() {
        run(&peer, &id, "js", "setTimeout(() => process.exit(4), 20); undefined");
        std::thread::sleep(Duration::from_millis(300));
        assert!(run(&peer, &id, "js", "1").value.contains("status 4"));
    }
}

#[test]
fn environment_variables_are_whole_and_put_back() {
    let peer = Peer::new();
    let odd = "it's \"quoted\"\n$HOME `x` \\ é\u{1}";
    let id = peer.create_with(json!({"envVars": {"WHOLE": odd, "OTHER": "kept"}}));
    let mut shows = vec![("bash", "printf '%s|' \"$WHOLE\" \"${ONCE-none}\" \"$(printenv OTHER)\"")];
    if !without_node() {
        shows.push((
            "js",
            "for (const name of ['WHOLE', 'ONCE', 'OTHER']) process.stdout.write((process.env[name] ?? 'none') + '|')",
        ));
    }
    for (language, show) in shows {
        assert_eq!(run(&peer, &id, language, show).stdout, format!("{odd}|none|kept|"));
        let with = |code: &str| json!({"code": code, "language": language, "env_vars": {"ONCE": odd, "OTHER": ""}});
        assert_eq!(peer.run_with(&id, with(show)).stdout, format!("{odd}|{odd}||"));
        assert_eq!(run(&peer, &id, language, show).stdout, format!("{odd}|none|kept|"));
        let broken = if language == "bash" { "OTHER=changed; ((" } else { "throw process.env.OTHER = 'changed'" };
        assert!(peer.run_with(&id, with(broken)).error.is_some());
        assert_eq!(run(&peer, &id, language, show).stdout, format!("{odd}|none|kept|"));
    }
}

#[test]
fn contexts_have_languages() {
    let peer = Peer::new();
    let id = peer.create();
    let contexts = format!("/sandboxes/{id}/contexts");
    let languages = || -> Vec<String> {
        let listed = peer.get(&contexts).1;
        listed.as_array().unwrap().iter().map(|context| context["language"].as_str().unwrap().to_owned()).collect()
    };
    let first: &[&str] = if without_node() { &["python"] } else { &["python", "javascript"] };
    let (status, made) = peer.post(&contexts, json!({"language": "sh", "cwd": "/usr"}));
    assert_eq!((status, &made["language"], &made["cwd"]), (200, &json!("bash"), &json!("/usr")));
    assert_eq!(languages(), [first, &["bash"]].concat());
    let in_made = |code: &str| peer.run_with(&id, json!({"code": code, "context_id": made["id"]}));
    assert_eq!(in_made("pwd; x=made").stdout, "/usr\n");
    assert_eq!(run(&peer, &id, "bash", "echo \"<$x>\"; x=default").stdout, "<>\n");
    assert_eq!(run(&peer, &id, "shell", "echo $x").stdout, "default\n");
    assert_eq!(languages(), [first, &["bash", "bash"]].concat());
    assert_eq!(in_made("echo $x").stdout, "made\n");
    let made_id = made["id"].as_str().unwrap();
    assert_eq!(peer.post(&format!("{contexts}/{made_id}/restart"), json!({})), (200, Value::Null));
    assert_eq!(in_made("pwd; echo \"<$x>\"").stdout, "/usr\n<>\n");
    assert_eq!(peer.delete(&format!("{contexts}/{made_id}")), (200, Value::Null));
    assert_eq!(languages(), [first, &["bash"]].concat());
    let (status, problem) = peer.post(&contexts, json!({"language": "bash", "cwd": "/nowhere"}));
    assert_eq!((status, problem["message"].as_str().unwrap().contains("/nowhere")), (400, true));
    let (status, problem) = peer.post(&contexts, json!({"language": "cobol"}));
    assert_eq!((status, problem["message"].as_str().unwrap().contains("'cobol'")), (400, true));

    if without_node() {
        return;
    }
    let (status, made) = peer.post(&contexts, json!({"language": "JS", "cwd": "/usr"}));
    assert_eq!((status, &made["language"]), (200, &json!("javascript")));
    let shown = peer.run_with(&id, json!({"code": "process.cwd()", "context_id": made["id"]}));
    assert_eq!(shown.text.as_deref(), Some("/usr"));
    // Modules of the sandbox are found from where code is.
    let make = "mkdir -p node_modules/here m; echo 'module.exports = 5' > node_modules/here/index.js; echo 'export const v = 6' > m/v.mjs";
    run(&peer, &id, "bash", &format!("cd; {make}"));
    let found =
        run(&peer, &id, "js", "import here from 'here'\nimport { v } from './m/v.mjs'\nhere + v + require('here')");
    assert_eq!(found.text.as_deref(), Some("16"), "{found:?}");
    let found = run(
        &peer,
        &id,
        "js",
        "process.chdir('m'); import('./v.mjs').then(m => console.log(m.v)); await 0; await import('./v.mjs'); undefined",
    );
    assert_eq!(found.stdout, "6\n", "{found:?}");
}

#[test]
fn much_text_and_much_code() {
    let peer = Peer::new();
    let id = peer.create();
    let start = Instant::now();
    assert_eq!(run(&peer, &id, "bash", "head -c 10000000 /dev/zero | tr '\\0' x").stdout.len(), 10_000_000);
    assert_eq!(run(&peer, &id, "bash", "for i in {1..20000}; do echo line; done").stdout.len(), 100_000);
    let code = format!("x='{}'; echo ${{#x}}", "y".repeat(2 << 20));
    assert_eq!(run(&peer, &id, "bash", &code).stdout, format!("{}\n", 2 << 20));
    if without_node() {
        return;
    }
    assert_eq!(run(&peer, &id, "js", "console.log('z'.repeat(1e7))").stdout.len(), 10_000_001);
    assert_eq!(run(&peer, &id, "js", "for (let i = 0; i < 20000; i++) console.log('line')").stdout.len(), 100_000);
    assert_eq!(run(&peer, &id, "js", "'w'.repeat(20 << 20)").text.map(|text| text.len()), Some(20 << 20));
    let code = format!("'{}'.length", "y".repeat(10 << 20));
    assert_eq!(run(&peer, &id, "js", &code).text, Some((10 << 20).to_string()));
    assert_eq!(run(&peer, &id, "js", "'v'.repeat(210 << 20)").error(), "RangeError");
    assert_eq!(run(&peer, &id, "js", "1").text.as_deref(), Some("1"));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
