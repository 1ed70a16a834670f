//! The parts of the file system that a sandbox sees.

use std::path::{Path, PathBuf};

use crate::local::policy::Policy;
use crate::local::python::Interpreter;

/// What may be done in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Seeing what is there.
    List,
    /// Reading, and running programs.
    Read,
    /// Everything.
    Write,
    /// Reading and writing a device.
    Device,
}

/// A file or directory of this machine, and where a sandbox with a root of its own has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) source: PathBuf,
    pub(super) path: PathBuf,
    pub(super) usage: Use,
}

/// Programs and libraries.
const SYSTEM: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/home/linuxbrew/.linuxbrew",
    "/sys/devices/system/cpu",
];

/// What programs read in /etc and cannot do without. The rest of it may hold keys, and is not for a sandbox.
const SETTINGS: [&str; 41] = [
    "alternatives",
    "bash.bashrc",
    "bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "mailcap",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "papersize",
    "passwd",
    "pki/ca-trust",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "resolv.conf",
    "rpc",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// What there is of all that on this machine, for an interpreter under a policy.
pub(super) fn places(policy: &Policy, interpreter: Option<&Interpreter>) -> Vec<Place> {
    let system = SYSTEM.iter().map(|path| (PathBuf::from(path), Use::Read));
    let settings = SETTINGS.iter().map(|name| (Path::new("/etc").join(name), Use::Read));
    let devices = DEVICES.iter().map(|path| (PathBuf::from(path), Use::Device));
    let own = interpreter.into_iter().flat_map(Interpreter::places).map(|path| (path.clone(), Use::Read));
    let mut all: Vec<Place> = Vec::new();
    for (path, usage) in system.chain(settings).chain(devices).chain(own) {
        let Ok(source) = std::fs::canonicalize(&path) else { continue };
        // It could be another thing by now; it is there with what is shared.
        if policy.can_be_changed(&path) || policy.can_be_changed(&source) {
            continue;
        }
        add(&mut all, &path, &source, usage);
    }
    for share in &policy.shared {
        let usage = if share.is_writable { Use::Write } else { Use::Read };
        let path = if policy.can_be_changed(&share.path) { &share.source } else { &share.path };
        add(&mut all, path, &share.source, usage);
    }
    all
}

/// One that is reached through a link is there by both names.
fn add(all: &mut Vec<Place>, path: &Path, source: &Path, usage: Use) {
    for path in [path, source] {
        if all.iter().any(|place| place.covers(path, usage)) {
            continue;
        }
        all.retain(|place| place.path != *path);
        all.push(Place { source: source.to_owned(), path: path.to_owned(), usage });
    }
}

impl Place {
    /// Whether this place makes another one, that is used like that, unnecessary.
    fn covers(&self, path: &Path, usage: Use) -> bool {
        let is_same = self.source == self.path && path.starts_with(&self.path);
        is_same && (self.usage == usage || self.usage == Use::Write)
    }
}
