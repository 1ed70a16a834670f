//! What a sandbox may do.
#![cfg_attr(not(unix), allow(dead_code))]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What code in the sandboxes of an engine may do and use up. The same for all sandboxes of one engine.
///
/// | | default | counts for | over it |
/// |---|---|---|---|
/// | [`network`](Self::network) | off | the sandbox | connections fail |
/// | [`memory`](Self::memory) | 2 GiB | each process, and all of a sandbox together | `MemoryError`, or the kernel is killed |
/// | [`cpu_time`](Self::cpu_time) | 1 hour | each process | the process is killed |
/// | [`processes`](Self::processes) | 256, threads included | the sandbox | no more can be started; as root or without namespaces, the context is killed |
/// | [`open_files`](Self::open_files) | 1,024 | each process | no more can be opened |
/// | [`file_size`](Self::file_size) | 1 GiB | each file | writing fails |
/// | [`disk`](Self::disk) | 2 GiB | all files of the sandbox | the sandbox is ended |
/// | [`share_read`](Self::share_read), [`share_write`](Self::share_write) | nothing | the sandbox | |
///
/// What limits one process is enforced by the operating system. What limits the whole sandbox is looked at several
/// times a second while code runs, so it can be exceeded for a moment, and on a very busy machine for seconds. Of the memory of a
/// Python context a sixteenth, at most 16 MiB, is kept for telling what went wrong.
///
/// ```no_run
/// # fn main() -> code_interpreter::Result<()> {
/// use code_interpreter::{LocalEngine, Policy};
///
/// let policy = Policy::new().memory(512 << 20).processes(64).share_read("data");
/// let engine = LocalEngine::builder().policy(policy).start()?;
/// # drop(engine);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a policy does nothing until it is given to an engine"]
pub struct Policy {
    pub(super) network: Network,
    pub(super) allow_local_network: bool,
    pub(super) memory: u64,
    pub(super) cpu_time: Option<Duration>,
    pub(super) processes: u64,
    pub(super) open_files: u64,
    pub(super) file_size: u64,
    pub(super) disk: u64,
    pub(super) shared: Vec<Share>,
}

/// Which network a sandbox has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// None. Where the sandbox has a network namespace of its own, it can still talk to itself on loopback.
    #[default]
    Off,
    /// The internet. Not what listens on this machine, on its local network, or at the metadata address of a cloud
    /// machine: the sandbox has a network namespace of its own, out of which an HTTP proxy of the engine's leads,
    /// named by the usual variables `http_proxy` and `https_proxy`. Where there are no namespaces, starting the engine
    /// is an error.
    ///
    /// With [`Policy::allow_local_network`] a sandbox simply has the network of this machine.
    On,
    /// Only these hosts, by the same proxy: names such as `pypi.org`, or `*.pythonhosted.org` for all below one. With
    /// [`Policy::allow_local_network`] their addresses may be local ones.
    Hosts(Vec<String>),
}

/// Whether sandboxes get namespaces of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Namespaces {
    /// Where the machine lets the user make them; otherwise Landlock, seccomp and limits do without.
    #[default]
    IfAvailable,
    /// An engine does not start without them.
    Required,
    /// Never.
    Off,
}

/// A path of this machine that a sandbox sees at the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// As the user names it.
    pub(super) path: PathBuf,
    /// What that was, without links, when the engine started.
    pub(super) source: PathBuf,
    pub(super) is_writable: bool,
}

impl Share {
    fn new(path: &Path, is_writable: bool) -> Self {
        Self { path: path.to_owned(), source: path.to_owned(), is_writable }
    }

    fn find(&mut self) -> Result<(), String> {
        let shown = self.path.display().to_string();
        let failed = |error| format!("Policy shares {shown}, which cannot be opened: {error}");
        self.source = std::fs::canonicalize(&self.path).map_err(failed)?;
        self.path = std::path::absolute(&self.path).map_err(failed)?;
        if self.source.parent().is_none() {
            return Err("Policy shares the root of the file system; name the directories that are needed".to_owned());
        }
        Ok(())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            network: Network::Off,
            allow_local_network: false,
            memory: 2 * GIB,
            cpu_time: Some(Duration::from_secs(3600)),
            processes: 256,
            open_files: 1024,
            file_size: GIB,
            disk: 2 * GIB,
            shared: Vec::new(),
        }
    }
}

impl Policy {
    /// The defaults: no network, no file of the user's, and limits that leave a laptop usable.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which network there is. Off unless set.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// States that a sandbox with a network may also reach what listens on this machine, on its local network, and at
    /// the metadata address of a cloud machine, where credentials can be had. Does nothing by itself.
    pub fn allow_local_network(mut self) -> Self {
        self.allow_local_network = true;
        self
    }

    /// How many bytes of memory each process may take for its data, and all processes of a sandbox together.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// How much processor time each process may use before it is killed; `None` is no limit. Whole seconds: a part of
    /// one counts as one.
    pub fn cpu_time(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.cpu_time = limit.into();
        self
    }

    /// How many processes and threads there may be at a time. The one that keeps the sandbox and one for each context
    /// count as well.
    pub fn processes(mut self, count: u64) -> Self {
        self.processes = count;
        self
    }

    /// How many files each process may have open at a time, and in any case 320 fewer than this program may
    /// (`ulimit -n`): otherwise a sandbox could keep the engine from passing descriptors to others.
    pub fn open_files(mut self, count: u64) -> Self {
        self.open_files = count;
        self
    }

    /// How many bytes one file may have.
    pub fn file_size(mut self, bytes: u64) -> Self {
        self.file_size = bytes;
        self
    }

    /// How many bytes the files of a sandbox may take on disk together.
    pub fn disk(mut self, bytes: u64) -> Self {
        self.disk = bytes;
        self
    }

    /// Lets code read this file, or this directory and all below it, at the same path. A symbolic link is followed once,
    /// when the engine starts. In a sandbox with namespaces, code can also talk to a service whose unix socket lies there.
    pub fn share_read(mut self, path: impl AsRef<Path>) -> Self {
        self.shared.push(Share::new(path.as_ref(), false));
        self
    }

    /// Lets code read and change this file, or this directory and all below it, at the same path. What it writes there
    /// stays when the sandbox is gone, and does not count towards [`disk`](Self::disk). So do not share a place from
    /// which you, or the engine, will run programs, such as one with the interpreter or with a directory of `PATH`.
    pub fn share_write(mut self, path: impl AsRef<Path>) -> Self {
        self.shared.push(Share::new(path.as_ref(), true));
        self
    }

    /// Whether code can change what has this name, and so what the name leads to.
    #[cfg(target_os = "linux")]
    pub(super) fn can_be_changed(&self, path: &Path) -> bool {
        self.shared.iter().any(|share| share.is_writable && path != share.source && path.starts_with(&share.source))
    }

    /// What is wrong with it, or its shared paths found.
    pub(super) fn checked(mut self) -> Result<Self, String> {
        let least: [(&str, u64, u64, &str); 5] = [
            ("memory", self.memory, 64 * MIB, "bytes; an interpreter alone needs 64 MiB"),
            ("processes", self.processes, 8, "processes, which a sandbox needs for itself"),
            ("open_files", self.open_files, 32, "files, which an interpreter needs for itself"),
            ("file_size", self.file_size, 4096, "bytes"),
            ("disk", self.disk, MIB, "bytes"),
        ];
        for (name, value, least, unit) in least {
            if value < least {
                return Err(format!("Policy::{name} is {value}; it has to be at least {least} {unit}"));
            }
        }
        if self.cpu_time.is_some_and(|limit| limit.is_zero()) {
            return Err("Policy::cpu_time is 0; it has to be longer, or None for no limit".to_owned());
        }
        if let Network::Hosts(hosts) = &self.network {
            check_hosts(hosts)?;
        }
        for share in &mut self.shared {
            share.find()?;
        }
        // The outer ones first, which the inner ones then add to. What lies in a place that code can change is shared as
        // that place is, and never by a name of its own: code could put a link there that leads anywhere.
        self.shared.sort_by_key(|share| share.source.components().count());
        let all = self.shared.clone();
        self.shared.retain(|share| {
            !all.iter().any(|other| other.is_writable && other != share && share.source.starts_with(&other.source))
        });
        Ok(self)
    }
}

fn check_hosts(hosts: &[String]) -> Result<(), String> {
    if hosts.is_empty() {
        return Err("Policy::network names no hosts; use Network::Off for none".to_owned());
    }
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_host = |name: &String| {
        name.parse::<IpAddr>().is_ok() || name.strip_prefix("*.").unwrap_or(name).split('.').all(is_label)
    };
    match hosts.iter().find(|host| !is_host(host)) {
        Some(odd) => Err(format!(
            "Policy::network names {odd:?}, which is not a host name: give names such as \"pypi.org\" or \
             \"*.pythonhosted.org\", without scheme, port or path"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(policy: Policy) -> String {
        policy.checked().err().unwrap_or_default()
    }

    #[test]
    fn the_defaults_are_fine_and_nonsense_is_named() {
        assert_eq!(refusal(Policy::new()), "");
        assert!(refusal(Policy::new().memory(1)).contains("Policy::memory is 1; it has to be at least 67108864 bytes"));
        assert!(refusal(Policy::new().processes(0)).contains("Policy::processes"));
        assert!(refusal(Policy::new().cpu_time(Duration::ZERO)).contains("Policy::cpu_time"));
        assert_eq!(refusal(Policy::new().cpu_time(None)), "");
        assert!(refusal(Policy::new().share_read("/nowhere/at/all")).contains("/nowhere/at/all"));
        assert!(refusal(Policy::new().share_write("/")).contains("root of the file system"));
    }

    #[test]
    fn hosts_are_names() {
        let hosts = |name: &str| Policy::new().network(Network::Hosts(vec![name.to_owned()]));
        for fine in ["pypi.org", "*.pythonhosted.org", "10.0.0.1", "::1"] {
            assert_eq!(refusal(hosts(fine)), "", "{fine}");
        }
        for odd in ["", "*", "*.", "https://pypi.org", "pypi.org/simple", "pypi.org:443", "pypi.org.", "a b"] {
            assert!(refusal(hosts(odd)).contains("not a host name"), "{odd}");
        }
        assert!(refusal(Policy::new().network(Network::Hosts(Vec::new()))).contains("no hosts"));
    }
}
