//! What happens when code goes over a limit: each is told apart, and the next execution works.

use super::peer::*;
use code_interpreter::Policy;
use serde_json::json;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// The kernel died of this, and the next execution has a fresh one.
fn assert_lost(peer: &Peer, id: &str, run: &Run, name: &str, words: &str) {
    assert_eq!(run.error.as_deref(), Some(name), "{run:?}");
    assert!(run.value.contains(words), "{}", run.value);
    assert!(run.kinds().contains(&"state_lost"), "{run:?}");
    let next = peer.run(id, "'x' in globals()");
    assert_eq!((next.text.as_deref(), next.error.as_deref()), (Some("False"), None));
    assert_eq!(next.kinds(), ["number_of_executions", "state_lost", "result", "end_of_execution"]);
    assert_eq!(peer.run(id, "1").kinds(), ["number_of_executions", "result", "end_of_execution"]);
}

#[test]
fn the_memory_of_a_process() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(id, "x = bytearray(400 << 20)");
        assert_eq!(run.error.as_deref(), Some("MemoryError"), "{run:?}");
        assert!(run.value.contains("256 MiB"), "{run:?}");
        assert_eq!(peer.text(id, "len(bytearray(20 << 20))"), "20971520");
    });
}

#[test]
fn the_memory_of_a_sandbox() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(
            id,
            "import mmap, time\nx = mmap.mmap(-1, 700 << 20)\nfor i in range(0, 700 << 20, 4096):\n    x[i] = 1\ntime.sleep(30)",
        );
        assert_lost(peer, id, &run, "OutOfMemory", "over its limit of 256 MiB");
        // Many that are small enough by themselves.
        let many = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        x = bytearray(100 << 20); time.sleep(30); os._exit(0)\n\
            sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2))";
        assert_eq!(peer.text(id, many), "[-9, -9]");
    });
}

#[test]
fn memory_that_no_process_has_mapped() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let code = "import os, time\nfiles = []\nfor i in range(10):\n    f = os.memfd_create('x'); os.write(f, bytes(50 << 20)); files.append(f)\ntime.sleep(30)";
        assert_lost(peer, id, &peer.run(id, code), "OutOfMemory", "over its limit");
    });
}

#[test]
fn memory_of_processes_whose_first_thread_has_ended() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let code = "import ctypes, os, platform, threading, time
def hide():
    x = bytearray(100 << 20)
    time.sleep(20)
    os._exit(0)
for _ in range(4):
    if os.fork() == 0:
        threading.Thread(target=hide).start()
        ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)
sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2))";
        assert_eq!(peer.text(id, code), "[-9, -9]");
    });
}

#[test]
fn threads_have_no_files_of_their_own() {
    at_each_level(Policy::new(), |peer, id| {
        // A thread that shares memory but not descriptors with the others: clone(2) without CLONE_FILES.
        let code = "import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
def hide(_): return 0
stack = ctypes.create_string_buffer(8 << 20)
VM, FS, SIGHAND, THREAD = 0x100, 0x200, 0x800, 0x10000
top = ctypes.c_void_p((ctypes.addressof(stack) + (8 << 20)) & ~15)
cloned = libc.clone(hide, top, VM | FS | SIGHAND | THREAD, None), ctypes.get_errno()
# CLOSE_RANGE_UNSHARE.
(cloned, libc.syscall(436, 1000, 1001, 2), libc.syscall(436, 1000, 1001, 0))";
        assert_eq!(peer.text(id, code), "((-1, 1), -1, 0)");
    });
}

#[test]
fn memory_that_runs_out_bit_by_bit() {
    // What there is of small objects is still there when the error is told.
    let codes = [
        "while True: l.append(bytearray(1 << 20))",
        "while True: l.append(bytearray(100 << 10))",
        "while True: l.append({'a': len(l)})",
        "while True: l.append(list(range(1000)))",
        "for i in range(10**9): l.append(i)",
        "def fill():\n    while True: l.append(str(len(l)))\nfill()",
    ];
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        for code in codes {
            let run = peer.run(id, &format!("l = []\n{code}"));
            let memory = matches!(run.error.as_deref(), Some("MemoryError" | "OutOfMemory"));
            assert!(memory && run.value.contains("limit of 256 MiB"), "{code}: {run:?}");
            peer.run(id, "l = None");
            assert_eq!(peer.text(id, "1 + 1"), "2", "{code}");
        }
    });
}

#[test]
fn processor_time() {
    at_each_level(Policy::new().cpu_time(Duration::from_secs(1)), |peer, id| {
        assert_lost(peer, id, &peer.run(id, "while True: pass"), "CpuTimeExceeded", "limit of 1 s of processor time");
        let stubborn = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass";
        assert_lost(peer, id, &peer.run(id, stubborn), "CpuTimeExceeded", "limit of 1 s");
        let run = peer
            .run(id, "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: pass']).returncode");
        assert_eq!((run.text.as_deref(), run.error.as_deref()), (Some("-24"), None));
    });
}

#[test]
fn processes() {
    at_each_level(Policy::new().processes(40), |peer, id| {
        let code = "import os, time\nn = 0\ntry:\n    while n < 400:\n        if os.fork() == 0:\n            time.sleep(60); os._exit(0)\n        n += 1\n        time.sleep(0.005)\nfinally:\n    print(n)";
        let start = Instant::now();
        let run = peer.run(id, code);
        assert!(start.elapsed() < Duration::from_secs(20));
        // The operating system refuses, or where it does not count by sandbox, the engine ends the context.
        match run.error.as_deref() {
            Some("BlockingIOError") => assert!(run.value.contains("limit of 40 processes"), "{run:?}"),
            _ => assert_lost(peer, id, &run, "TooManyProcesses", "over its limit of 40"),
        }
        peer.run(id, "import os, signal\nos.killpg(0, signal.SIGTERM)");
        eventually("there is room again", || {
            peer.run(id, "import subprocess\nsubprocess.run(['true'])").error.is_none()
        });
    });
}

#[test]
fn the_size_of_a_file_and_of_all_files() {
    let policy = Policy::new().file_size(20 * MIB).disk(60 * MIB);
    at_each_level(policy.clone(), |peer, id| {
        let run = peer.run(id, "with open('big', 'wb') as f:\n    for _ in range(30): f.write(bytes(1 << 20))");
        assert_eq!(run.error.as_deref(), Some("OSError"), "{run:?}");
        assert!(run.value.contains("too large"), "{run:?}");
        let run = peer.run(id, "import time\nfor i in range(30):\n    open(str(i), 'wb').write(bytes(10 << 20)); time.sleep(0.05)\ntime.sleep(30)");
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
        assert!(run.value.contains("over the limit of 60 MiB"), "{run:?}");
        let (status, problem) = peer.get(&format!("/sandboxes/{id}"));
        assert_eq!(status, 404);
        assert!(problem["message"].as_str().unwrap().contains("over the limit of 60 MiB"), "{problem}");
    });
    at_each_level(policy, |peer, id| {
        let code = "import os, time\nfiles = []\nfor i in range(10):\n    f = open('gone', 'wb'); f.write(bytes(10 << 20)); f.flush(); os.unlink('gone'); files.append(f)\n    time.sleep(0.05)\ntime.sleep(30)";
        assert_eq!(peer.run(id, code).error.as_deref(), Some("DiskFull"));
    });
}

#[test]
fn files_that_are_hard_to_count() {
    let hidden = "import os, time\nos.mkdir('hidden')\nfor i in range(10): open(f'hidden/{i}', 'wb').write(bytes(10 << 20))\n\
        os.chmod('hidden', 0)\ntime.sleep(0.5)\nwhile True: time.sleep(0.01)";
    let deep = "import os, time
for _ in range(100):
    for _ in range(30): os.mkdir('d' * 200); os.chdir('d' * 200)
    with open('file', 'wb') as file: file.write(bytes(1 << 20))
while True: time.sleep(0.01)";
    for code in [hidden, deep] {
        at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
            let run = peer.run(id, code);
            assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
        });
    }
}

#[test]
fn other_ways_to_die() {
    at_each_level(Policy::new(), |peer, id| {
        let run = peer.run(id, "x = 1\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)");
        assert_lost(peer, id, &run, "KernelKilled", "signal 11 (SIGSEGV)");
        let run = peer.run(id, "x = 1\nimport os\nos._exit(3)");
        assert_lost(peer, id, &run, "KernelDied", "exited with status 3");
        let stubborn = "x = 1
sum(range(10**12))";
        let run = peer.run_with(id, json!({"code": stubborn, "timeout": 0.3}));
        assert_lost(peer, id, &run, "ExecutionTimeout", "variables are lost");
    });
}

#[test]
fn a_program_may_have_more_files_open_than_a_sandbox() {
    // As many as there may be, and below some thousands: where the limit is low there is nothing to show.
    let open: Vec<_> = (0..1500).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();
    let open = if open.len() == 1500 { open } else { Vec::new() };
    at_each_level(Policy::new().open_files(64), |peer, id| {
        let run = peer.run(id, "files = [open('/dev/null') for _ in range(100)]");
        assert_eq!(run.error.as_deref(), Some("OSError"), "{run:?}");
        assert_eq!(peer.text(id, "1 + 1"), "2");
    });
    drop(open);
}

#[test]
#[ignore = "takes process numbers from other tests"]
fn a_fork_bomb() {
    let code = "bomb() { bomb | bomb & }; bomb; for i in 1 2 3 4 5 6 7 8; do sleep 1; done";
    at_each_level(Policy::new().processes(40), |peer, id| {
        let start = Instant::now();
        let run = peer.run_with(id, serde_json::json!({"code": code, "language": "bash", "timeout": 30}));
        eprintln!("after {:?}: {:?}", start.elapsed(), run.error);
        // An ordinary user's are refused by the operating system, and die one by one.
        let is_refused = run.error.is_none() && !rustix::process::geteuid().is_root();
        assert!(is_refused || run.error.as_deref() == Some("TooManyProcesses"), "{run:?}");
        eventually("nothing of it is left", || processes_of(&peer.root).len() < 10);
        assert_eq!(peer.text(id, "1 + 1"), "2");
    });
}

#[test]
fn memory_of_a_shell() {
    // Beside smaller ones, so that it is the largest process, and none is refused any memory.
    let other = "python3 -c 'x = bytearray(40 << 20); import time; time.sleep(30)' &\n";
    let code = format!("x=$(head -c 110M /dev/zero | tr '\\0' x)\n{}sleep 30", other.repeat(4));
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run_with(id, serde_json::json!({"code": code, "language": "bash"}));
        assert_eq!(run.error.as_deref(), Some("OutOfMemory"), "{run:?}");
        assert!(run.value.contains("over its limit of 256 MiB"), "{run:?}");
    });
}
