//! Finding the programs that run languages other than Python.

use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::language::{Language, Runner};
use super::python::{directories, is_mixed, listed, says};

/// The oldest major version of node that the driver runs on.
const OLDEST_NODE: u32 = 18;

/// The programs of this machine, looked for once.
#[derive(Default)]
pub(super) struct Programs(OnceCell<All>);

struct All {
    bash: Found,
    node: Found,
    node_for_types: Found,
    /// What of the file system they need, if it is not the system's own.
    places: Vec<PathBuf>,
}

/// A path, or a message that says what is missing and what to install.
type Found = Result<PathBuf, String>;

impl Programs {
    /// What of the file system they need, if it is not the system's own.
    pub(super) async fn places(&self) -> Vec<PathBuf> {
        self.all().await.places.clone()
    }

    pub(super) async fn runner(&self, language: Language) -> Result<Runner, String> {
        let program = match language {
            Language::Python => return Ok(Runner::python()),
            Language::Bash => &self.all().await.bash,
            Language::JavaScript => &self.all().await.node,
            Language::TypeScript => &self.all().await.node_for_types,
        };
        Ok(Runner { language, program: Some(program.clone()?) })
    }

    async fn all(&self) -> &All {
        let look = || async {
            let (bash, nodes) = tokio::join!(spawn_blocking(find_bash), spawn_blocking(nodes));
            All::new(bash.unwrap_or_else(|error| Err(error.to_string())), &nodes.unwrap_or_default())
        };
        self.0.get_or_init(look).await
    }
}

impl All {
    fn new(bash: Found, nodes: &[Node]) -> Self {
        let (node, node_for_types) = (choose_node(nodes), choose_node_for_types(nodes));
        let mut places: Vec<_> =
            [&bash, &node, &node_for_types].into_iter().flatten().flat_map(|path| of_program(path)).collect();
        places.sort();
        places.dedup();
        Self { bash, node, node_for_types, places }
    }
}

/// The installation that a program belongs to, and the program itself where it may be a link to there.
fn of_program(path: &Path) -> Vec<PathBuf> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let prefix = real.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    // Where others lie as well, only the program is meant.
    let installation = if is_mixed(&prefix) { real } else { prefix };
    vec![installation, path.to_owned()]
}

fn find_bash() -> Found {
    let mut all = candidates("bash").into_iter().filter(|path| says(path, &["-c", ":"]).is_ok());
    all.next().ok_or_else(|| {
        format!(
            "language 'bash' is not available: no bash was found in {}. Install it (the package is called bash) and put \
             it on PATH",
            listed()
        )
    })
}

fn choose_node(all: &[Node]) -> Found {
    let new_enough = all.iter().find(|node| node.major >= OLDEST_NODE);
    new_enough.map(|node| node.path.clone()).ok_or_else(|| {
        format!(
            "language 'javascript' is not available: it needs node {OLDEST_NODE} or newer, and {}. Install it (the \
             package is called nodejs, or see https://nodejs.org) and put it on PATH",
            told(all)
        )
    })
}

fn choose_node_for_types(all: &[Node]) -> Found {
    all.iter().find(|node| node.strips_types).map(|node| node.path.clone()).ok_or_else(|| {
        format!(
            "language 'typescript' is not available: it needs a node that can strip types, which 22.13 and newer can, \
             and {}. Install one (see https://nodejs.org) and put it on PATH, or use 'javascript'",
            told(all)
        )
    })
}

struct Node {
    path: PathBuf,
    version: String,
    major: u32,
    strips_types: bool,
}

/// Every node there is, in the order in which they are looked for.
fn nodes() -> Vec<Node> {
    let question = "console.log(process.versions.node, typeof require('module').stripTypeScriptTypes)";
    let probe = |path: PathBuf| {
        let said = says(&path, &["-e", question]).ok()?;
        let (version, strips) = said.trim().split_once(' ')?;
        let major = version.split('.').next()?.parse().ok()?;
        Some(Node { path, version: version.to_owned(), major, strips_types: strips == "function" })
    };
    candidates("node").into_iter().filter_map(probe).collect()
}

fn told(nodes: &[Node]) -> String {
    if nodes.is_empty() {
        return format!("no node was found in {}", listed());
    }
    let all: Vec<_> = nodes.iter().map(|node| format!("{} ({})", node.version, node.path.display())).collect();
    format!("there is only {}", all.join(", "))
}

/// The files of this name, each once: distributions have the same directory under several names.
fn candidates(name: &str) -> Vec<PathBuf> {
    let mut real = Vec::new();
    let paths = directories().into_iter().map(|directory| directory.join(name));
    paths
        .filter(|path| match path.canonicalize() {
            Ok(target) if target.is_file() && !real.contains(&target) => {
                real.push(target);
                true
            }
            _ => false,
        })
        .collect()
}
