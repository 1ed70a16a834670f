//! Rules of Landlock's: what a process and all that descends from it can open, connect to and signal.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use ::landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::Reach;
use super::child::landlock_version as version;
use super::place::{Place, Use};
use super::step::{Step, c_path};

/// The first version, that of Linux 6.2, that also keeps files from being truncated.
const NEEDED: ABI = ABI::V3;
/// The newest that is made use of where it is there.
const NEWEST: ABI = ABI::V10;

/// A set of rules to be entered by a process.
pub(super) struct Rules {
    descriptor: OwnedFd,
    later: Vec<Step>,
}

impl Rules {
    pub(super) fn new(reach: Reach, places: &[Place], own: &[&Path]) -> Result<Self, String> {
        let failed = |error: &dyn std::error::Error| format!("Landlock: {error}");
        let created = create(reach).map_err(|error| failed(&error))?;
        let created = places
            .iter()
            .map(|place| (place.source.as_path(), place.usage))
            .chain(own.iter().map(|path| (*path, Use::Write)))
            .try_fold(created, |created, (path, usage)| add(created, path, usage))
            .map_err(|error| failed(&error))?;
        let descriptor: Option<OwnedFd> = created.into();
        let descriptor = descriptor.ok_or_else(|| "this kernel has no Landlock, or it is switched off".to_owned())?;
        Ok(Self { descriptor, later: Vec::new() })
    }

    /// Allows reading, or everything, in a place that is there only when the process is.
    pub(super) fn allow_later(&mut self, path: &str, usage: Use) {
        // The kernel refuses rights that the rules do not know.
        let known = AccessFs::from_all(ABI::from(version().unwrap_or(0)));
        let access = (access(usage, true) & known).bits();
        self.later.push(Step::Allow { ruleset: self.raw(), path: c_path(Path::new(path)), access });
    }

    fn raw(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// The steps, and the descriptor that has to live until they have been taken.
    pub(super) fn into_steps(self) -> (Vec<Step>, OwnedFd) {
        let enter = Step::Landlock { ruleset: self.raw() };
        (self.later.into_iter().chain([enter]).collect(), self.descriptor)
    }
}

fn create(reach: Reach) -> Result<RulesetCreated, ::landlock::RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    let ruleset = match reach {
        Reach::Nothing => ruleset.handle_access(AccessNet::from_all(NEWEST))?,
        Reach::Itself | Reach::Machine => ruleset,
    };
    ruleset.create()
}

fn add(created: RulesetCreated, path: &Path, usage: Use) -> Result<RulesetCreated, ::landlock::RulesetError> {
    // What has gone since it was found is not there to be allowed.
    let Ok(parent) = PathFd::new(path) else { return Ok(created) };
    created.add_rule(PathBeneath::new(parent, access(usage, path.is_dir())))
}

fn access(usage: Use, is_directory: bool) -> BitFlags<AccessFs> {
    let access = match usage {
        Use::List => AccessFs::ReadDir.into(),
        Use::Read => AccessFs::from_read(NEWEST),
        Use::Write => AccessFs::from_all(NEWEST),
        Use::Device => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev,
    };
    if is_directory { access } else { access & AccessFs::from_file(NEWEST) }
}
