//! What waits in a sandbox's own network, some of it in sockets that no process has.

use std::fs;

/// The state of a TCP socket that takes connections; it has other numbers where those of bytes are.
const LISTENING: &str = "0A";
/// The state of what is left of a TCP connection for a while, and what that takes in bytes.
const LEFT: &str = "06";
const LEAST: u64 = 512;
/// What a TCP connection takes that is in no file, since nobody has accepted it, or its file is closed.
const CONNECTION: u64 = 4096;

/// A socket by a path that takes datagrams, and how many wait in it at most.
const DATAGRAMS: &str = "0002";
const MOST_DATAGRAMS: u64 = 11;

/// In bytes; of connections by a path that nobody has accepted yet, and of datagrams, as much as they can hold, which is
/// `room` each.
/// Nothing if these processes are on the machine's network, which is not theirs alone.
pub(super) fn waiting(processes: &[u32], room: u64) -> u64 {
    let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let Some(ours) = network("self") else { return 0 };
    let is_apart = |id: &&u32| network(&id.to_string()).is_some_and(|its| its != ours);
    let Some(process) = processes.iter().find(is_apart) else { return 0 };
    // Code gives sockets their names.
    let bytes = |name: &str| fs::read(format!("/proc/{process}/net/{name}")).unwrap_or_default();
    let read = |name: &str| String::from_utf8_lossy(&bytes(name)).into_owned();
    let of_tcp = |(table, counts): (&str, &str)| if counts_none(&read(counts)) { 0 } else { queued(&read(table)) };
    let tcp = [("tcp", "sockstat"), ("tcp6", "sockstat6")].map(of_tcp);
    let paths = held(&read("unix")).saturating_mul(room);
    tcp.into_iter().fold(paths, u64::saturating_add)
}

/// Whether `/proc/net/sockstat` says that there are no TCP sockets. To list them, the kernel goes through the table that
/// all networks share, which takes milliseconds also where there are none.
fn counts_none(counts: &str) -> bool {
    let mut tcp = counts.lines().filter(|line| line.starts_with("TCP"));
    tcp.next().and_then(|line| line.split_ascii_whitespace().nth(2)) == Some("0")
}

/// How many buffers the sockets in `/proc/net/unix` can hold that are not their own, or are in no file.
fn held(table: &str) -> u64 {
    let of_one = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(4);
        let (kind, inode) = (fields.next()?, fields.nth(1)?);
        // The sender of a datagram may be gone.
        Some(if kind == DATAGRAMS { MOST_DATAGRAMS } else { u64::from(inode == "0") })
    };
    table.lines().skip(1).filter_map(of_one).fold(0, u64::saturating_add)
}

/// What the sockets in `/proc/net/tcp` have sent and received that nobody has taken, and those take themselves that no process
/// has.
fn queued(table: &str) -> u64 {
    let of_one = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(3);
        let (state, queues) = (fields.next()?, fields.next()?);
        let own = match (state, fields.nth(4)) {
            (LEFT, _) => LEAST,
            (_, Some("0")) => CONNECTION,
            _ => 0,
        };
        let (sent, received) = queues.split_once(':')?;
        let [sent, received] = [sent, received].map(|bytes| u64::from_str_radix(bytes, 16).unwrap_or(0));
        (state != LISTENING).then_some(sent.saturating_add(received).saturating_add(own))
    };
    table.lines().skip(1).filter_map(of_one).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc() {
        let unix = "Num RefCount Protocol Flags Type St Inode Path\n\
                    0000: 00000002 00000000 00010000 0001 01 17 /a b\n0000: 00000002 00000000 00000000 0001 02     0 /a b\n\
                    0000: 00000003 00000000 00000000 0001 03 18\n\u{fffd}\n0000: 00000002 00000000 00000000 0002 01 19\n";
        assert_eq!((held(unix), held("")), (12, 0));
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                   0: 0100007F:1F90 00000000:0000 0A 00000000:00000080 00:00000000 00000000     0        0 1\n   \
                   1: 0100007F:1F90 0100007F:9C40 01 00000010:00000100 00:00000000 00000000     0        0 0\n   \
                   2: 0100007F:1F90 0100007F:9C41 06 00000000:00000000 03:00000000 00000000     0        0 0 3\n x\n";
        assert_eq!((queued(tcp), queued("")), (0x110 + 4096 + 512, 0));
    }

    #[test]
    fn counts_of_sockets() {
        let counts =
            |count| format!("sockets: used 5\nTCP: inuse {count} orphan 0 tw 0 alloc 4 mem 29\nUDP: inuse 0 mem 0\n");
        assert!(counts_none(&counts("0")) && counts_none("TCP6: inuse 0\nUDP6: inuse 0\n"));
        assert!(!counts_none(&counts("1")) && !counts_none("TCP6: inuse 10\n") && !counts_none(""));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_network_of_the_machine_is_nobodys_alone() {
        assert_eq!(waiting(&[std::process::id(), u32::MAX], 1 << 20), 0);
    }
}
