//! Which system calls are refused, by their numbers.

use libc::c_long;

// Newer calls, which have the same numbers everywhere.
const STATMOUNT: c_long = 457;
const LISTMOUNT: c_long = 458;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;
/// What newer ones do, nobody has looked at. They have the same numbers everywhere too.
pub(super) const LAST_KNOWN: c_long = FILE_SETATTR;

/// Refused whatever their arguments are.
pub(super) const REFUSED: &[c_long] = &[
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
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_syslog,
    // A pipe can hold large pages of a process's memory, which no process shows.
    libc::SYS_vmsplice,
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
pub(super) const REFUSED_AMONG_OTHERS: &[c_long] = &[
    // Would tell the names of files that a directory may not be listed for.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_inotify_init,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
];

/// Calls that a process may make about itself, which is number 0 in their first argument. Others it could slow down.
pub(super) const ABOUT_PROCESSES: [c_long; 4] =
    [libc::SYS_sched_setaffinity, libc::SYS_sched_setattr, libc::SYS_sched_setparam, libc::SYS_sched_setscheduler];

/// As where the kernel has none of them. The flags of clone3 are in memory, where no filter sees them: programs then take
/// clone, whose flags are looked at. Asynchronous polls keep sockets, and files on their way in them, that no process shows.
/// Mounts are told of by files that can be hidden, and by these calls.
pub(super) const UNKNOWN: &[c_long] = &[libc::SYS_clone3, libc::SYS_io_setup, STATMOUNT, LISTMOUNT];

/// One byte of a file that they put into a pipe or a socket keeps a large page of memory, also after the file is gone.
/// Programs know files that these cannot be used with, and copy otherwise.
pub(super) const SHORT_CUTS: &[c_long] = &[libc::SYS_splice, libc::SYS_tee, libc::SYS_sendfile];

/// Files in memory keep them in the kernel's own, without a limit, and Landlock has no right for those of files outside.
/// Programs know file systems that have none.
pub(super) const ATTRIBUTES: &[c_long] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
];
