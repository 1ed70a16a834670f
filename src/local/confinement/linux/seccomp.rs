//! The system calls that no code in a sandbox needs, and some that it would escape by.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

use super::Reach;
use super::calls::{ABOUT_PROCESSES, ATTRIBUTES, LAST_KNOWN, REFUSED, REFUSED_AMONG_OTHERS, SHORT_CUTS, UNKNOWN};

const ARCH: TargetArch = if cfg!(target_arch = "aarch64") { TargetArch::aarch64 } else { TargetArch::x86_64 };

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

/// The instructions that decide, and that go on further down.
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;

/// Requests of ioctl(2). TIOCSTI and TIOCLINUX put characters into a terminal's input, which would be typed by the user;
/// FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR change files that were opened to be read only.
const REQUESTS: [u32; 4] = [0x5412, 0x541c, 0x4008_6602, 0x401c_5820];

/// By the number of the call; without a rule whatever its arguments are.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filter of a sandbox with this much of a network.
pub(super) fn of_sandbox(reach: Reach, has_namespaces: bool) -> Result<BpfProgram, String> {
    let answers = [
        (rules(reach, has_namespaces)?, libc::EPERM),
        (all_of(UNKNOWN), libc::ENOSYS),
        (all_of(ATTRIBUTES), libc::EOPNOTSUPP),
        (unsuitable()?, libc::EINVAL),
        (unsupported_options()?, libc::ENOPROTOOPT),
        (other_protocols(reach)?, libc::EPROTONOSUPPORT),
        (without_effect()?, 0),
    ];
    let filters = answers.into_iter().map(|(rules, error)| filter(rules, error)).collect::<Result<Vec<_>, _>>()?;
    Ok(joined([other_calls()].into_iter().chain(filters)))
}

/// The filter that a context has besides, and its supervisor has not, which makes a ruleset and a filter for each context.
/// Both take memory of the system that no limit counts, and so many filters as code could make bring it to a standstill.
pub(super) fn of_context() -> Result<BpfProgram, String> {
    let filters = BTreeMap::from([
        (libc::SYS_seccomp, Vec::new()),
        (libc::SYS_prctl, vec![of_argument(0, libc::PR_SET_SECCOMP)?]),
    ]);
    // As where there is no Landlock, and no filters.
    let rulesets = all_of(&[libc::SYS_landlock_create_ruleset, libc::SYS_landlock_restrict_self]);
    Ok(joined([filter(rulesets, libc::EOPNOTSUPP)?, filter(filters, libc::EINVAL)?]))
}

/// Whatever their arguments are.
fn all_of(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn filter(rules: Rules, error: c_int) -> Result<BpfProgram, String> {
    let action = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, ARCH).map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}

/// One filter of several, of which the first that does not allow a call decides. The system goes through every filter that
/// there is, and keeps memory for each.
fn joined(filters: impl IntoIterator<Item = BpfProgram>) -> BpfProgram {
    let mut all = BpfProgram::new();
    for filter in filters {
        let left = (0..filter.len()).rev();
        all.extend(filter.into_iter().zip(left).map(|(instruction, left)| match instruction {
            sock_filter { code: RETURN, k: libc::SECCOMP_RET_ALLOW, .. } => {
                let next = u32::try_from(left).unwrap_or(u32::MAX);
                sock_filter { code: JUMP, jt: 0, jf: 0, k: next }
            }
            other => other,
        }));
    }
    all.push(sock_filter { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW });
    all
}

/// Short cuts; locks of open files, which a mapping keeps where no process shows them; and newer settings of a process than
/// those that have been looked at, since one takes half a GiB of memory that is not the process's (a table of futexes).
fn unsuitable() -> Result<Rules, String> {
    const LAST_SETTING: u64 = 77;
    let locks = [libc::F_OFD_SETLK, libc::F_OFD_SETLKW].map(|lock| of_argument(1, lock));
    let mut settings = vec![condition(0, SeccompCmpOp::Gt, LAST_SETTING)?];
    // These are words, and not in a row with the others.
    for known in [libc::PR_SET_VMA, libc::PR_SET_PTRACER] {
        settings.push(condition(0, SeccompCmpOp::Ne, number(known))?);
    }
    let mut rules = all_of(SHORT_CUTS);
    rules.insert(libc::SYS_fcntl, locks.into_iter().collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_prctl, vec![rule(settings)?]);
    Ok(rules)
}

/// Programs for sockets take memory that no process shows, and pages that are sent and not copied stay after they are let go.
fn unsupported_options() -> Result<Rules, String> {
    let options = [
        libc::SO_ATTACH_FILTER,
        libc::SO_ATTACH_BPF,
        libc::SO_ATTACH_REUSEPORT_CBPF,
        libc::SO_ATTACH_REUSEPORT_EBPF,
        libc::SO_ZEROCOPY,
    ];
    options_of_sockets(&options)
}

/// The sizes of sockets' buffers are hints, and what sockets hold is memory that no process shows. So the hints are taken,
/// and nothing changes.
fn without_effect() -> Result<Rules, String> {
    options_of_sockets(&[libc::SO_SNDBUF, libc::SO_RCVBUF])
}

fn options_of_sockets(options: &[c_int]) -> Result<Rules, String> {
    let level = || condition(1, SeccompCmpOp::Eq, number(libc::SOL_SOCKET));
    let set = |option: &c_int| rule(vec![level()?, condition(2, SeccompCmpOp::Eq, number(*option))?]);
    Ok(BTreeMap::from([(libc::SYS_setsockopt, options.iter().map(set).collect::<Result<_, _>>()?)]))
}

/// On a network of the sandbox's own there are the protocols whose queues are looked at, and no others.
fn other_protocols(reach: Reach) -> Result<Rules, String> {
    if reach != Reach::Itself {
        return Ok(Rules::new());
    }
    let mut conditions = vec![condition(0, SeccompCmpOp::Ne, number(libc::AF_UNIX))?];
    for protocol in [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
        conditions.push(condition(2, SeccompCmpOp::Ne, number(protocol))?);
    }
    Ok(BTreeMap::from([(libc::SYS_socket, vec![rule(conditions)?])]))
}

fn rules(reach: Reach, has_namespaces: bool) -> Result<Rules, String> {
    let mut rules = all_of(REFUSED);
    let flag = |flag: c_int| {
        let bits = number(flag);
        rule(vec![condition(0, SeccompCmpOp::MaskedEq(bits), bits)?])
    };
    let flags = (0..32).map(|bit| 1_i32.wrapping_shl(bit)).filter(|bit| NAMESPACES & bit != 0);
    let namespaces: Result<Vec<_>, _> = flags.map(flag).collect();
    rules.insert(libc::SYS_clone, namespaces?.into_iter().chain([table_of_its_own()?]).collect());
    // A thread would get a table of its own by this too.
    let unshares = condition(2, SeccompCmpOp::MaskedEq(CLOSE_RANGE_UNSHARE), CLOSE_RANGE_UNSHARE)?;
    rules.insert(libc::SYS_close_range, vec![rule(vec![unshares])?]);
    let ioctls = REQUESTS.iter().map(|request| rule(vec![condition(1, SeccompCmpOp::Eq, u64::from(*request))?]));
    rules.insert(libc::SYS_ioctl, ioctls.collect::<Result<_, _>>()?);
    let others = families(reach).iter().map(|family| condition(0, SeccompCmpOp::Ne, number(*family)));
    let others: Vec<_> = others.collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_socket, if others.is_empty() { Vec::new() } else { vec![rule(others)?] });
    if !families(reach).contains(&libc::AF_UNIX) {
        rules.insert(libc::SYS_socketpair, pairs()?);
    }
    // The engine would not see any more what memory and files the process has.
    let hides =
        vec![condition(0, SeccompCmpOp::Eq, number(libc::PR_SET_DUMPABLE))?, condition(1, SeccompCmpOp::Eq, 0)?];
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
    let [thread, files] = [libc::CLONE_THREAD, libc::CLONE_FILES].map(number);
    rule(vec![condition(0, SeccompCmpOp::MaskedEq(thread | files), thread)?])
}

/// The pairs of sockets that are refused: of other families, and those that a new connection, or an address given with
/// what is sent, would join to any service that has a path. Connected streams stay what they are.
fn pairs() -> Result<Vec<SeccompRule>, String> {
    const KIND: u64 = 0xf;
    let unix = number(libc::AF_UNIX);
    let mut rules = vec![rule(vec![condition(0, SeccompCmpOp::Ne, unix)?])?];
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        rules.push(rule(vec![condition(1, SeccompCmpOp::MaskedEq(KIND), number(kind))?])?);
    }
    Ok(rules)
}

/// What could be done to other processes of the same user, by their numbers.
fn among_others() -> Result<Rules, String> {
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

/// That an argument has this value.
fn of_argument(argument: u8, value: c_int) -> Result<SeccompRule, String> {
    rule(vec![condition(argument, SeccompCmpOp::Eq, number(value))?])
}

/// As filters compare it; none of these is negative.
fn number(constant: c_int) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(|error| error.to_string())
}

/// Calls that are newer than this crate, and those of the x32 interface: these have larger numbers still, by which they would
/// pass the other filters. To programs they are not there.
fn other_calls() -> BpfProgram {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    let instruction = |code, jt, k| sock_filter { code, jt, jf: 0, k };
    // The number of the call stands first in what a filter sees.
    vec![
        instruction(LOAD, 0, 0),
        instruction(ABOVE, 1, u32::try_from(LAST_KNOWN).unwrap_or(0)),
        instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW),
        instruction(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_filters_for_every_reach() {
        for reach in [Reach::Nothing, Reach::Itself, Reach::Machine] {
            for has_namespaces in [true, false] {
                let filter = of_sandbox(reach, has_namespaces).unwrap();
                assert!((500..4096).contains(&filter.len()), "{}", filter.len());
            }
        }
    }

    #[test]
    fn of_joined_filters_the_first_that_does_not_allow_a_call_decides() {
        let [first, second] = [(39, 1), (40, 2)].map(|(call, error)| filter(all_of(&[39, call]), error).unwrap());
        let lengths = [first.len(), second.len()];
        let joined = joined([first, second]);
        assert_eq!(joined.len(), lengths[0] + lengths[1] + 1);
        let run = |call: u32| {
            let (mut at, mut loaded) = (0, None);
            loop {
                let sock_filter { code, jt, jf, k } = joined[at];
                at += 1;
                match (code, k) {
                    (RETURN, action) => return action,
                    (JUMP, far) => at += far as usize,
                    // Of what a filter sees, the number of the call, and the architecture, which is this one.
                    (0x20, 0) => loaded = Some(call),
                    (0x20, 4) => loaded = None,
                    (0x15, value) => at += usize::from(if loaded.is_none_or(|it| it == value) { jt } else { jf }),
                    other => panic!("{other:?}"),
                }
            }
        };
        let error = |number: u32| libc::SECCOMP_RET_ERRNO | number;
        assert_eq!([39, 40, 41].map(run), [error(1), error(2), libc::SECCOMP_RET_ALLOW]);
    }
}
