//! The system calls that no code in a sandbox needs, and some that it would escape by.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::Reach;

const ARCH: TargetArch = if cfg!(target_arch = "aarch64") { TargetArch::aarch64 } else { TargetArch::x86_64 };

// Newer calls, which have the same numbers everywhere.
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

/// Refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Other processes' memory and doings.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_perf_event_open,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    // Ways around checks on paths.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    FILE_SETATTR,
    // Large parts of the kernel that programs can do without.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_memfd_secret,
    // A pipe can hold large pages of it, which no process shows.
    libc::SYS_vmsplice,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_syslog,
    // What would outlive the sandbox, and be seen by others; or what others have, whose numbers are easily guessed.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // The machine's.
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];

/// Refused where other files and processes of the machine can be named: Landlock has no rights for these.
const REFUSED_AMONG_OTHERS: &[c_long] = &[
    // Would tell the names of files that a directory may not be listed for.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_inotify_init,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
];

/// Calls that a process may make about itself, which is number 0 in their first argument. Others it could slow down.
const ABOUT_PROCESSES: [c_long; 4] =
    [libc::SYS_sched_setaffinity, libc::SYS_sched_setattr, libc::SYS_sched_setparam, libc::SYS_sched_setscheduler];

/// The flags of clone(2) that make namespaces.
const NAMESPACES: c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// A flag of close_range(2).
const CLOSE_RANGE_UNSHARE: u64 = 2;

/// TIOCSTI and TIOCLINUX, requests of ioctl(2).
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// The filters of a sandbox with this much of a network.
pub(super) fn filters(reach: Reach, has_namespaces: bool) -> Result<Vec<BpfProgram>, String> {
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let unsupported = SeccompAction::Errno(libc::EOPNOTSUPP.unsigned_abs());
    let unsuitable = SeccompAction::Errno(libc::EINVAL.unsigned_abs());
    let done = SeccompAction::Errno(0);
    let filters = [
        filter(rules(reach, has_namespaces)?, refused)?,
        filter(hidden(), unknown)?,
        filter(all_of(ATTRIBUTES), unsupported)?,
        filter(all_of(SHORT_CUTS), unsuitable)?,
        filter(without_effect()?, done)?,
    ];
    Ok(filters.into_iter().chain(other_calls()).collect())
}

/// Whatever their arguments are.
fn all_of(calls: &[c_long]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) -> Result<BpfProgram, String> {
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, ARCH).map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}

/// The flags of clone3 are in memory, where no filter sees them. Programs then take clone, whose flags are looked at.
fn hidden() -> BTreeMap<i64, Vec<SeccompRule>> {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

/// One byte of a file that they put into a pipe or a socket keeps a large page of memory, also after the file is gone.
/// Programs know files that these cannot be used with, and copy otherwise.
const SHORT_CUTS: &[c_long] = &[libc::SYS_splice, libc::SYS_tee, libc::SYS_sendfile];

/// Files in memory keep them in the kernel's own, without a limit, and Landlock has no right for those of files outside.
/// Programs know file systems that have none.
const ATTRIBUTES: &[c_long] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
];

/// The sizes of sockets' buffers are hints, and what sockets hold is memory that no process shows. So the hints are taken,
/// and nothing changes.
fn without_effect() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let sizes = [libc::SO_SNDBUF, libc::SO_RCVBUF].map(|option| {
        let [level, option] = [libc::SOL_SOCKET, option].map(|number| u64::from(number.unsigned_abs()));
        rule(vec![condition(1, SeccompCmpOp::Eq, level)?, condition(2, SeccompCmpOp::Eq, option)?])
    });
    Ok(BTreeMap::from([(libc::SYS_setsockopt, sizes.into_iter().collect::<Result<_, _>>()?)]))
}

fn rules(reach: Reach, has_namespaces: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let mut rules = all_of(REFUSED);
    let flag = |flag: c_int| {
        let bits = u64::from(flag.unsigned_abs());
        rule(vec![condition(0, SeccompCmpOp::MaskedEq(bits), bits)?])
    };
    let flags = (0..32).map(|bit| 1_i32.wrapping_shl(bit)).filter(|bit| NAMESPACES & bit != 0);
    let namespaces: Result<Vec<_>, _> = flags.map(flag).collect();
    rules.insert(libc::SYS_clone, namespaces?.into_iter().chain([table_of_its_own()?]).collect());
    // A thread would get a table of its own by this too.
    let unshares = condition(2, SeccompCmpOp::MaskedEq(CLOSE_RANGE_UNSHARE), CLOSE_RANGE_UNSHARE)?;
    rules.insert(libc::SYS_close_range, vec![rule(vec![unshares])?]);
    // Characters put into a terminal's input would be typed by the user.
    let ioctls = TYPING.iter().map(|request| rule(vec![condition(1, SeccompCmpOp::Eq, *request)?]));
    rules.insert(libc::SYS_ioctl, ioctls.collect::<Result<_, _>>()?);
    let others = families(reach).iter().map(|family| condition(0, SeccompCmpOp::Ne, u64::from(family.unsigned_abs())));
    let others: Vec<_> = others.collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, if others.is_empty() { Vec::new() } else { vec![rule(others)?] });
    if !families(reach).contains(&libc::AF_UNIX) {
        rules.insert(libc::SYS_socketpair, pairs()?);
    }
    // The engine would not see any more what memory and files the process has.
    let dumpable = u64::from(libc::PR_SET_DUMPABLE.unsigned_abs());
    let hides = vec![condition(0, SeccompCmpOp::Eq, dumpable)?, condition(1, SeccompCmpOp::Eq, 0)?];
    rules.insert(libc::SYS_prctl, vec![rule(hides)?]);
    // The limits of another process: they can end it.
    rules.insert(libc::SYS_prlimit64, vec![rule(vec![condition(0, SeccompCmpOp::Ne, 0)?])?]);
    if !has_namespaces {
        rules.extend(among_others()?);
    }
    Ok(rules)
}

/// A thread with open files that the other threads of its process have not: the engine would have to look at each thread.
fn table_of_its_own() -> Result<SeccompRule, String> {
    let [thread, files] = [libc::CLONE_THREAD, libc::CLONE_FILES].map(|flag| u64::from(flag.unsigned_abs()));
    rule(vec![condition(0, SeccompCmpOp::MaskedEq(thread | files), thread)?])
}

/// The pairs of sockets that are refused: of other families, and those that a new connection, or an address given with
/// what is sent, would join to any service that has a path. Connected streams stay what they are.
fn pairs() -> Result<Vec<SeccompRule>, String> {
    const KIND: u64 = 0xf;
    let unix = u64::from(libc::AF_UNIX.unsigned_abs());
    let mut rules = vec![rule(vec![condition(0, SeccompCmpOp::Ne, unix)?])?];
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let kind = u64::from(kind.unsigned_abs());
        rules.push(rule(vec![condition(1, SeccompCmpOp::MaskedEq(KIND), kind)?])?);
    }
    Ok(rules)
}

/// What could be done to other processes of the same user, by their numbers.
fn among_others() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    // PRIO_PROCESS is 0, IOPRIO_WHO_PROCESS 1.
    let only_itself = |kind| {
        let other_kind = rule(vec![condition(0, SeccompCmpOp::Ne, kind)?])?;
        Ok::<_, String>(vec![other_kind, rule(vec![condition(1, SeccompCmpOp::Ne, 0)?])?])
    };
    let mut rules = all_of(REFUSED_AMONG_OTHERS);
    for call in ABOUT_PROCESSES {
        rules.insert(call, vec![rule(vec![condition(0, SeccompCmpOp::Ne, 0)?])?]);
    }
    rules.insert(libc::SYS_setpriority, only_itself(0)?);
    rules.insert(libc::SYS_ioprio_set, only_itself(1)?);
    Ok(rules)
}

/// The families of sockets that a sandbox may make. A socket by a path is a way to the services of the machine, so
/// only where the paths are the sandbox's own.
fn families(reach: Reach) -> &'static [c_int] {
    match reach {
        Reach::Nothing => &[],
        Reach::Itself => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6],
        Reach::Machine => &[libc::AF_INET, libc::AF_INET6],
    }
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(|error| error.to_string())
}

/// The calls of the x32 interface have numbers of their own, by which they would pass the other filters.
#[cfg(target_arch = "x86_64")]
fn other_calls() -> Option<BpfProgram> {
    use seccompiler::sock_filter;

    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const X32: u32 = 0x4000_0000;
    let instruction = |code, jt, k| sock_filter { code, jt, jf: 0, k };
    // The number of the call stands first in what a filter sees.
    Some(vec![
        instruction(LOAD, 0, 0),
        instruction(AT_LEAST, 1, X32),
        instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW),
        instruction(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
    ])
}

#[cfg(not(target_arch = "x86_64"))]
fn other_calls() -> Option<BpfProgram> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_filters_for_every_reach() {
        for reach in [Reach::Nothing, Reach::Itself, Reach::Machine] {
            for has_namespaces in [true, false] {
                let filters = filters(reach, has_namespaces).unwrap();
                assert!(filters.len() >= 2 && filters.iter().all(|filter| !filter.is_empty() && filter.len() < 4096));
            }
        }
    }
}
