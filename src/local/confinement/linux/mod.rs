//! The layers of Linux.

mod calls;
mod child;
mod landlock;
mod place;
mod root;
mod seccomp;
mod step;

use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use seccompiler::BpfProgram;

use super::{Domain, Instruction, Process, Start, Started};
use crate::error::{Error, Result as CrateResult};
use crate::local::directory::{self, EngineDirectory};
use crate::local::policy::{Namespaces, Network, Policy};
use crate::local::proxy::{self, Allowed};
use crate::local::report::{self, ConfinementReport, Layer, Level};
use child::{Launch, Program};
use landlock::Rules;
use place::{Place, Use, places};
use root::Root;
use step::{Step, c_bytes, c_path};

/// The version that is needed: from here on files are kept from being truncated.
const LANDLOCK: i32 = 3;
/// Reservations of address space cost nothing, and some runtimes make large ones.
const ADDRESS_SPACE: u64 = 64 << 30;
/// Without a user namespace the processes of the user that are not the sandbox's count as well, and so do those of other
/// sandboxes, of which there may be many. This much room is left for them.
const OTHER_PROCESSES: u64 = 8192;

/// Descriptors on their way between processes are counted for the user, and who sends some is refused when there are more
/// than it may have open itself. A sandbox stays this far below the engine, so that it cannot keep the engine from sending:
/// one message has 253 at most, and the engine's own are few.
const IN_FLIGHT: u64 = 320;
const FEWEST_OPEN_FILES: u64 = 64;

/// What programs ask of the machine, in a /proc that is not the sandbox's own.
const MACHINE: [&str; 6] =
    ["/proc/cpuinfo", "/proc/filesystems", "/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/version"];

/// What a sandbox can talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    /// On the loopback interface of its own network namespace, where a proxy may listen.
    Itself,
    /// What this machine can.
    Machine,
}

/// How sandboxes are confined on this machine.
pub(super) struct Confined {
    has_namespaces: bool,
    reach: Reach,
    /// The same for every sandbox, and for every context.
    filter: BpfProgram,
    filter_of_contexts: Vec<Instruction>,
    /// How many process numbers a sandbox with namespaces has, where that can be limited.
    numbers: Option<u64>,
    /// An empty directory; see [`Root`].
    stage: PathBuf,
}

/// Tries the layers out, from the strongest down.
pub(super) fn establish(
    wanted: Namespaces,
    policy: &Policy,
    directory: &EngineDirectory,
) -> Result<(Confined, ConfinementReport), String> {
    let version = child::landlock_version().map_err(|why| format!("Landlock is missing: {why}"))?;
    if version < LANDLOCK {
        return Err(format!("Landlock of version {LANDLOCK} is missing: there is version {version}"));
    }
    let attempt = |has_namespaces| {
        let confined = Confined::new(has_namespaces, policy, directory)?;
        confined.attempt(policy, directory).map(|()| confined).map_err(|error| error.to_string())
    };
    let wanted = match (wanted, Allowed::new(policy)) {
        (_, Some(_)) => Namespaces::Required,
        (wanted, None) => wanted,
    };
    let (confined, namespaces) = match wanted {
        Namespaces::Off => (attempt(false)?, Err("switched off".to_owned())),
        Namespaces::Required => (attempt(true).map_err(|why| format!("namespaces cannot be made: {why}"))?, Ok(())),
        Namespaces::IfAvailable => match attempt(true) {
            Ok(confined) => (confined, Ok(())),
            Err(why) => (attempt(false)?, Err(why)),
        },
    };
    let namespaces = match namespaces {
        Ok(()) => Layer::active("namespaces", "user, mount, pid, ipc, uts and net", report::NAMESPACES),
        Err(why) => Layer::missing("namespaces", why, report::NAMESPACES),
    };
    let layers = vec![
        Layer::active("limits", "setrlimit", report::LIMITS),
        Layer::active("privileges", "no_new_privs, no capabilities", report::PRIVILEGES),
        Layer::active("landlock", format!("version {version}"), report::LANDLOCK),
        Layer::active("seccomp", "a filter of system calls", report::SECCOMP),
        namespaces,
    ];
    let report = ConfinementReport::new(confined.level(), layers);
    Ok((confined, report))
}

pub(super) fn report() -> CrateResult<ConfinementReport> {
    let directory = EngineDirectory::create(None)?;
    let outcome = establish(Namespaces::IfAvailable, &Policy::new(), &directory);
    directory
        .remove()
        .map_err(|error| Error::engine("could not remove the directory of a trial").with_source(error))?;
    Ok(match outcome {
        Ok((_, report)) => report,
        Err(missing) => ConfinementReport::nothing(&missing),
    })
}

impl Confined {
    fn new(has_namespaces: bool, policy: &Policy, directory: &EngineDirectory) -> Result<Self, String> {
        let reach = match policy.network {
            Network::Off if has_namespaces => Reach::Itself,
            Network::Off => Reach::Nothing,
            Network::On | Network::Hosts(_) if Allowed::new(policy).is_some() => Reach::Itself,
            Network::On | Network::Hosts(_) => Reach::Machine,
        };
        let filter = seccomp::of_sandbox(reach, has_namespaces)?;
        let of_contexts = seccomp::of_context()?;
        let filter_of_contexts = of_contexts.into_iter().map(|it| (it.code, it.jt, it.jf, it.k)).collect();
        let numbers = root::numbers(policy.processes);
        Ok(Self { has_namespaces, reach, filter, filter_of_contexts, numbers, stage: directory.stage().to_owned() })
    }

    pub(super) fn level(&self) -> Level {
        if self.has_namespaces { Level::Namespaces } else { Level::Landlock }
    }

    pub(super) fn home(&self, directory: &Path) -> PathBuf {
        if self.has_namespaces { PathBuf::from(root::HOME) } else { directory.to_owned() }
    }

    pub(super) fn temporary(&self, directory: &Path) -> PathBuf {
        if self.has_namespaces { PathBuf::from(root::TEMPORARY) } else { directory::temporary(directory) }
    }

    /// What code may read, where /proc is that of the machine and has to be kept from it.
    fn readable(&self, places: Vec<Place>, directory: &Path) -> Option<Vec<PathBuf>> {
        if self.has_namespaces {
            return None;
        }
        let places = places.into_iter().map(|place| place.source);
        Some(places.chain(MACHINE.map(PathBuf::from)).chain([directory.to_owned()]).collect())
    }

    pub(super) fn start(&self, policy: &Policy, start: Start<'_>) -> io::Result<Started> {
        let places = places(policy, Some(start.interpreter));
        let (steps, kept) = self.steps(policy, &places, start.directory)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let null = rustix::fs::open("/dev/null", flags, Mode::empty())?;
        let arguments = [start.interpreter.path().as_os_str().as_bytes()];
        let arguments = arguments.into_iter().chain(start.arguments.iter().map(|argument| argument.as_bytes()));
        let variable =
            |(name, value): &(&str, std::ffi::OsString)| c_bytes(&[name.as_bytes(), b"=", value.as_bytes()].concat());
        let program = Program {
            path: c_path(start.interpreter.path()),
            arguments: arguments.map(c_bytes).collect(),
            environment: start.environment.iter().map(variable).collect::<Vec<CString>>(),
            streams: [start.input, null, start.errors],
        };
        let launch = Launch { namespaces: self.namespaces(), steps, program: Some(program) };
        let process = child::start(&launch).map(Process::Confined)?;
        let cpu_time = policy.cpu_time.map(|limit| limit.as_secs() + u64::from(limit.subsec_nanos() > 0));
        let readable = self.readable(places, start.directory);
        let domain = Domain { readable, cpu_time, filter: self.filter_of_contexts.clone() };
        Ok(Started { process, exit: kept.exit()?, domain: Some(domain) })
    }

    /// Starts a process that does all that one in a sandbox does, and no more.
    fn attempt(&self, policy: &Policy, engine: &EngineDirectory) -> io::Result<()> {
        let directory = engine.create_sandbox("trial")?;
        let attempt = self.steps(policy, &places(policy, None), &directory).and_then(|(steps, _kept)| {
            let launch = Launch { namespaces: self.namespaces(), steps, program: None };
            child::start(&launch).map(drop)
        });
        directory::remove(&directory).and(attempt)
    }

    fn namespaces(&self) -> libc::c_int {
        let network = if self.reach == Reach::Itself { libc::CLONE_NEWNET } else { 0 };
        let others =
            libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        if self.has_namespaces { others | network } else { 0 }
    }

    /// All that a process does to itself, and the descriptors that have to live until then.
    fn steps(&self, policy: &Policy, places: &[Place], directory: &Path) -> io::Result<(Vec<Step>, Kept)> {
        let reach = self.reach;
        let exit = Allowed::new(policy).map(|_| UnixStream::pair()).transpose()?;
        let temporary = directory::temporary(directory);
        let own = [directory, temporary.as_path()];
        let mut rules = Rules::new(reach, places, &own).map_err(io::Error::other)?;
        let mut steps = Vec::from_iter(offer_for_memory());
        if self.has_namespaces {
            steps.extend(root::become_user());
            steps.extend(self.numbers.map(root::limit_numbers));
            let root = Root {
                stage: &self.stage,
                places,
                home: directory,
                temporary: &temporary,
                shared_memory: policy.memory / 4,
                has_network: reach == Reach::Machine,
            };
            steps.extend(root.steps());
            if reach == Reach::Itself {
                steps.push(Step::Loopback);
            }
            if let Some((_, theirs)) = &exit {
                steps.push(Step::Listen { port: proxy::PORT, through: theirs.as_raw_fd() });
            }
            rules.allow_later("/", Use::List);
            rules.allow_later("/etc", Use::Read);
            for path in ["/dev/pts", "/dev/shm"] {
                rules.allow_later(path, Use::Write);
            }
        }
        rules.allow_later("/proc", Use::Read);
        steps.push(Step::WorkingDirectory(c_path(&self.home(directory))));
        steps.extend([Step::DropCapabilities, Step::NoNewPrivileges]);
        let (enter, ruleset) = rules.into_steps();
        steps.extend(enter);
        // Not before the last file was opened: the program may have more open than a sandbox may.
        steps.extend(limits(policy, self.has_namespaces));
        steps.push(Step::Seccomp(self.filter.clone()));
        Ok((steps, Kept { _ruleset: ruleset, exit }))
    }
}

/// Makes it the one to go when the machine runs out of memory. Nothing to do where the whole program is that already, and
/// then nobody could be less so.
fn offer_for_memory() -> Option<Step> {
    const OFFER: i32 = 500;
    let path = "/proc/self/oom_score_adj";
    let current: i32 = std::fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (current < OFFER).then(|| Step::Write { path: c_bytes(path.as_bytes()), text: OFFER.to_string().into_bytes() })
}

/// What a process that confines itself makes use of.
struct Kept {
    _ruleset: OwnedFd,
    /// Through which it passes the listener of its proxy: the engine's end, and its own.
    exit: Option<(UnixStream, UnixStream)>,
}

impl Kept {
    /// The listener that the process has passed out.
    fn exit(self) -> io::Result<Option<TcpListener>> {
        let Some((ours, _)) = self.exit else { return Ok(None) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(&ours, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let descriptors = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        descriptors.map(TcpListener::from).map(Some).ok_or_else(|| io::Error::other("its proxy has no listener"))
    }
}

fn limits(policy: &Policy, has_namespaces: bool) -> Vec<Step> {
    let processes = if has_namespaces { policy.processes } else { policy.processes + OTHER_PROCESSES };
    let limits = [
        (libc::RLIMIT_DATA, policy.memory),
        (libc::RLIMIT_AS, ADDRESS_SPACE.max(policy.memory.saturating_mul(4))),
        (libc::RLIMIT_NPROC, processes),
        (libc::RLIMIT_NOFILE, open_files(policy)),
        (libc::RLIMIT_FSIZE, policy.file_size),
        // No file can be as short, and it is what also keeps a dump from the program that collects the machine's.
        (libc::RLIMIT_CORE, 1),
        (libc::RLIMIT_MSGQUEUE, 0),
    ];
    limits.into_iter().map(|(resource, value)| Step::Limit { resource, value }).collect()
}

fn open_files(policy: &Policy) -> u64 {
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = own.map_or(u64::MAX, |own| own.saturating_sub(IN_FLIGHT).max(FEWEST_OPEN_FILES));
    policy.open_files.min(most)
}
