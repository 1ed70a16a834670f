//! Finding Python interpreters by the name of a runtime.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::language::Language;
use super::lock;

/// The oldest minor version of Python 3 that the driver runs on, and the newest that is looked for by name.
const OLDEST: u32 = 9;
const NEWEST: u32 = 20;
/// How long an interpreter may take to tell its version.
const PROBE: Duration = Duration::from_secs(10);

const PREFIXES: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/opt/local/bin", "/opt/python/bin"];
/// Below the home directory, with a directory for each version in between.
const VERSIONED: [&str; 3] = [".pyenv/versions", ".local/share/uv/python", ".nvm/versions/node"];

/// What a virtual environment is made of.
const ENVIRONMENT: [&str; 6] = ["bin", "lib", "lib64", "include", "share", "pyvenv.cfg"];

/// An interpreter that was run and is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    path: PathBuf,
    minor: u32,
    /// What of the file system it needs besides the system's own libraries.
    places: Vec<PathBuf>,
}

impl Interpreter {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Its sandboxes need these places as well.
    pub(super) fn with_places(mut self, places: Vec<PathBuf>) -> Self {
        self.places.extend(places);
        self
    }

    /// The name of the runtime that it is, such as `python3.11`.
    pub(super) fn runtime(&self) -> String {
        format!("python3.{}", self.minor)
    }

    /// PATH for its sandboxes: its own programs first, then the user's.
    pub(super) fn search_path(&self) -> OsString {
        let own = self.path.parent().map(Path::to_owned);
        let all = own.into_iter().chain(path_directories());
        std::env::join_paths(all).unwrap_or_else(|_| OsString::from("/usr/local/bin:/usr/bin:/bin"))
    }

    /// Runs the interpreter once: many a file called python is a shim that leads nowhere.
    pub(super) fn probe(path: &Path) -> Result<Self, String> {
        let code = "import os, sys\nprint(*sys.version_info[:2], sys.executable)\n\
                    print(sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__), sep='\\n')";
        Self::parse(&says(path, &["-I", "-S", "-c", code])?)
    }

    fn parse(said: &str) -> Result<Self, String> {
        let unclear = || "it is not a Python".to_owned();
        let mut lines = said.trim().lines();
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
        let mut next = || words.next().ok_or_else(unclear);
        let (major, minor, path) = (next()?, next()?, next()?);
        let minor: u32 = minor.parse().map_err(|_| unclear())?;
        if major != "3" || minor < OLDEST {
            return Err(format!("it is Python {major}.{minor}; 3.{OLDEST} or newer is needed"));
        }
        let path = PathBuf::from(path);
        let [prefix, exec_prefix, library] = [(); 3].map(|()| lines.next().map(PathBuf::from));
        let mut places = Vec::new();
        for prefix in prefix.into_iter().chain(exec_prefix) {
            places.extend(of_prefix(&prefix, minor));
        }
        places.extend(library.filter(|library| library.ends_with(format!("python3.{minor}"))));
        places.extend(virtual_environment(&path));
        places.push(path.clone());
        Ok(Self { path, minor, places })
    }
}

/// What a program prints that is run once, and ends well.
pub(super) fn says(path: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut child = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| error.to_string())?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < PROBE => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                // A shim's children as well: nobody else will.
                let _ = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
                let _ = child.wait();
                return Err(format!("it did not answer within {} s", PROBE.as_secs()));
            }
        }
    };
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    // One short line lies in the pipe. There is no end of file to wait for: a shim's stray child may keep the
    // pipe open for ever.
    let mut said = Vec::new();
    if let Some(stdout) = child.stdout.as_mut() {
        rustix::io::ioctl_fionbio(&*stdout, true).map_err(|error| error.to_string())?;
        let _ = stdout.take(64 * 1024).read_to_end(&mut said);
    }
    String::from_utf8(said).map_err(|_| "its path is not UTF-8".to_owned())
}

/// What of an installation its interpreter needs: all of it, unless the user's own files lie there as well.
fn of_prefix(prefix: &Path, minor: u32) -> Vec<PathBuf> {
    if !is_mixed(prefix) {
        return vec![prefix.to_owned()];
    }
    let library = prefix.join("lib");
    let shared = std::fs::read_dir(&library).into_iter().flatten().flatten().map(|entry| entry.path());
    let shared =
        shared.filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"libpython")));
    [library.join(format!("python3.{minor}"))].into_iter().chain(shared).collect()
}

/// Whether the user's own files, or those of the system, lie in the place of an installation as well.
pub(super) fn is_mixed(prefix: &Path) -> bool {
    let home = std::env::home_dir().unwrap_or_default();
    home.starts_with(prefix) || prefix == home.join(".local") || prefix.parent().is_none()
}

/// The parts of the virtual environment that an interpreter belongs to. Beside them there may be a whole project.
fn virtual_environment(interpreter: &Path) -> Vec<PathBuf> {
    let directory = interpreter.parent().and_then(Path::parent);
    match directory.filter(|directory| directory.join("pyvenv.cfg").is_file()) {
        Some(directory) => ENVIRONMENT.iter().map(|part| directory.join(part)).collect(),
        None => Vec::new(),
    }
}

/// What the name of a runtime asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wanted {
    Default,
    Minor(u32),
}

impl Wanted {
    fn parse(runtime: &str) -> Option<Self> {
        match runtime {
            "python" | "python3" | "base" | "code-interpreter-v1" => Some(Self::Default),
            _ => {
                let minor = runtime.strip_prefix("python3.")?;
                let is_number = minor.bytes().all(|byte| byte.is_ascii_digit()) && !minor.starts_with('0');
                let minor = minor.parse().ok().filter(|_| is_number)?;
                Some(Self::Minor(minor))
            }
        }
    }
}

/// The interpreters of this machine, each looked for once.
pub(super) struct Pythons {
    default: Option<Interpreter>,
    found: Mutex<HashMap<Wanted, Interpreter>>,
}

impl Pythons {
    pub(super) fn new(default: Option<Interpreter>) -> Self {
        Self { default, found: Mutex::default() }
    }

    /// The interpreter for a runtime, or a message that says what there is and what to try. Blocks.
    pub(super) fn find(&self, runtime: &str) -> Result<Interpreter, String> {
        match Wanted::parse(runtime).and_then(|wanted| self.look_up(wanted)) {
            Some(interpreter) => Ok(interpreter),
            None => Err(self.missing(runtime)),
        }
    }

    pub(super) async fn find_async(self: &Arc<Self>, runtime: &str) -> Result<Interpreter, String> {
        if let Some(known) = Wanted::parse(runtime).and_then(|wanted| self.known(wanted)) {
            return Ok(known);
        }
        let (pythons, runtime) = (Arc::clone(self), runtime.to_owned());
        let task = tokio::task::spawn_blocking(move || pythons.find(&runtime));
        task.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn known(&self, wanted: Wanted) -> Option<Interpreter> {
        match (wanted, &self.default) {
            (Wanted::Default, Some(default)) => Some(default.clone()),
            (Wanted::Minor(minor), Some(default)) if default.minor == minor => Some(default.clone()),
            _ => lock(&self.found).get(&wanted).cloned(),
        }
    }

    fn look_up(&self, wanted: Wanted) -> Option<Interpreter> {
        if let Some(known) = self.known(wanted) {
            return Some(known);
        }
        let found = match wanted {
            Wanted::Minor(minor) => search(&format!("python3.{minor}"), Some(minor)),
            Wanted::Default => search("python3", None)
                .or_else(|| search("python", None))
                .or_else(|| (OLDEST..=NEWEST).rev().find_map(|minor| self.look_up(Wanted::Minor(minor)))),
        }?;
        lock(&self.found).insert(wanted, found.clone());
        Some(found)
    }

    fn missing(&self, runtime: &str) -> String {
        if let Ok(language) = Language::parse(Some(runtime))
            && language != Language::Python
        {
            return format!(
                "runtime '{runtime}' is not available: sandboxes of the embedded engine are made with a Python, such as \
                 'python3', and run {} by the language of a context or an execution",
                language.name()
            );
        }
        let there: BTreeMap<u32, Interpreter> = (OLDEST..=NEWEST)
            .filter_map(|minor| self.look_up(Wanted::Minor(minor)))
            .chain(self.look_up(Wanted::Default))
            .map(|interpreter| (interpreter.minor, interpreter))
            .collect();
        if there.is_empty() {
            return format!(
                "runtime '{runtime}' is not available: no Python 3.{OLDEST} or newer was found in {}. Install one, \
                 put it on PATH, or name one with LocalEngineBuilder::python",
                listed()
            );
        }
        let mut message = format!("runtime '{runtime}' is not available on this machine. There is");
        for (index, interpreter) in there.values().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(message, "{comma} {} ({})", interpreter.runtime(), interpreter.path.display());
        }
        message.push_str(
            ". Use one of these, 'python' for the default, or install the version that you want and put it on PATH",
        );
        message
    }
}

/// The first working interpreter of this file name, and of this version if one is given.
fn search(name: &str, minor: Option<u32>) -> Option<Interpreter> {
    directories()
        .iter()
        .map(|directory| directory.join(name))
        .filter(|path| path.is_file())
        .filter_map(|path| Interpreter::probe(&path).ok())
        .find(|interpreter| minor.is_none_or(|minor| interpreter.minor == minor))
}

/// Where programs are looked for, in this order.
pub(super) fn directories() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let versioned = home.iter().flat_map(|home| VERSIONED.map(|place| home.join(place)));
    let below = versioned.flat_map(|place| {
        let mut versions: Vec<_> =
            std::fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
        versions.sort();
        versions.reverse();
        versions
    });
    for place in path_directories().chain(PREFIXES.map(PathBuf::from)).chain(below) {
        if place.is_dir() && !all.contains(&place) {
            all.push(place);
        }
    }
    all
}

/// The same for a message.
pub(super) fn listed() -> String {
    let all: Vec<_> = directories().iter().map(|place| place.display().to_string()).collect();
    all.join(", ")
}

fn path_directories() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::{Interpreter, PathBuf, Wanted};

    #[test]
    fn names_of_runtimes() {
        for name in ["python", "python3", "base", "code-interpreter-v1"] {
            assert_eq!(Wanted::parse(name), Some(Wanted::Default), "{name}");
        }
        assert_eq!(Wanted::parse("python3.10"), Some(Wanted::Minor(10)));
        for name in [
            "",
            "python2",
            "python3.",
            "python3.x",
            "python3.+9",
            "python3.09",
            "python3.9.1",
            "Python3",
            "../python3",
            "ruby",
        ] {
            assert_eq!(Wanted::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_stray_child_of_a_shim_is_not_waited_for() -> std::io::Result<()> {
        let shim = std::env::temp_dir().join(format!("python3-shim-{}", std::process::id()));
        std::fs::write(&shim, "#!/bin/sh\nsleep 25 &\necho '3 11 /usr/bin/python3.11'\n")?;
        std::fs::set_permissions(&shim, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let start = std::time::Instant::now();
        let found = Interpreter::probe(&shim).map(|found| found.path);
        assert_eq!(found, Ok("/usr/bin/python3.11".into()));
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
        std::fs::remove_file(&shim)
    }

    #[test]
    fn what_an_interpreter_says() {
        let found = Interpreter::parse("3 11 /opt/my python/bin/python3\n").map(|found| found.path);
        assert_eq!(found, Ok("/opt/my python/bin/python3".into()));
        let said = "3 11 /opt/py/bin/python3\n/opt/py\n/opt/py\n/opt/py/lib/python3.11\n";
        let places = Interpreter::parse(said).map(|found| found.places).unwrap_or_default();
        assert_eq!(places, ["/opt/py", "/opt/py", "/opt/py/lib/python3.11", "/opt/py/bin/python3"].map(PathBuf::from));
        for said in ["", "3 8 /usr/bin/python3", "2 7 /usr/bin/python", "hello", "3 x /p", "3 11"] {
            assert!(Interpreter::parse(said).is_err(), "{said}");
        }
    }
}
