//! Ways to talk to what is outside. What listens is the test's own; that something arrived there is looked at as well.

use super::attack::*;

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "connect to the engine's port",
        gets: NOWHERE,
        code: r#"socket.create_connection(("127.0.0.1", F["engine_port"]), 2) and "connected""#,
    },
    Attack {
        name: "ask the engine without its key",
        gets: Gets { none: [Blocked; 2], ..NOWHERE },
        code: r#"
import http.client
c = http.client.HTTPConnection("127.0.0.1", F["engine_port"], timeout=5)
c.request("GET", "/sandboxes")
answer = c.getresponse()
answer.status if answer.status != 401 else None
"#,
    },
    Attack {
        name: "TCP to a service on loopback",
        gets: NOWHERE,
        code: r#"socket.create_connection(("127.0.0.1", F["tcp"]), 2) and "connected""#,
    },
    Attack {
        name: "TCP by sending before connecting",
        gets: NOT_ANYWHERE,
        code: r#"
s = socket.socket(); s.settimeout(2)
s.sendto(b"x", 0x20000000, ("127.0.0.1", F["tcp"]))
"#,
    },
    Attack {
        name: "multipath TCP to a service on loopback",
        gets: NOT_ANYWHERE,
        code: r#"
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.settimeout(2)
s.connect(("127.0.0.1", F["tcp"]))
"connected"
"#,
    },
    Attack {
        name: "listen where others on the machine can connect",
        gets: NOWHERE,
        code: r#"
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
not F["namespaces"] and "listens"
"#,
    },
    Attack {
        name: "UDP, as name servers are asked",
        gets: NOWHERE,
        code: r#"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", F["udp"])) and time.sleep(0.05)"#,
    },
    Attack { name: "resolve a name", gets: NOT_ANYWHERE, code: r#"socket.getaddrinfo("example.org", 80)"# },
    Attack {
        name: "unix socket by its path",
        gets: NOWHERE,
        code: r#"
s = socket.socket(socket.AF_UNIX); s.connect(F["run"] + "/agent.sock"); "connected"
"#,
    },
    Attack {
        name: "unix datagram by its path",
        gets: NOWHERE,
        code: r#"socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", F["run"] + "/log.sock")"#,
    },
    Attack {
        name: "unix datagram from a pair of sockets",
        gets: NOT_ANYWHERE,
        code: r#"
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.sendto(b"x", F["run"] + "/log.sock")
"#,
    },
    Attack {
        name: "unix datagram from a pair, reconnected",
        gets: NOWHERE,
        code: r#"
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.connect(F["run"] + "/log.sock"); a.send(b"x")
"#,
    },
    Attack {
        name: "abstract unix socket",
        gets: NOWHERE,
        code: r#"
s = socket.socket(socket.AF_UNIX); s.connect("\0" + F["abstract"]); "connected"
"#,
    },
    Attack {
        name: "abstract unix datagram from a pair, reconnected",
        gets: NOWHERE,
        code: r#"
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.connect("\0" + F["abstract"] + "-log"); a.send(b"x")
"#,
    },
    Attack {
        name: "netlink socket",
        gets: NOWHERE,
        code: r#"socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) and "made""#,
    },
    Attack {
        name: "packet socket",
        gets: NOT_BY_ROOT,
        code: r#"socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) and "made""#,
    },
    Attack {
        name: "raw socket",
        gets: NOT_BY_ROOT,
        code: r#"socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and "made""#,
    },
    Attack {
        name: "socket to the host of a virtual machine",
        gets: NOT_ANYWHERE,
        code: r#"socket.socket(40, socket.SOCK_STREAM) and "made""#,
    },
    Attack {
        name: "socket of the kernel's cryptography",
        gets: NOT_ANYWHERE,
        code: r#"socket.socket(38, socket.SOCK_SEQPACKET) and "made""#,
    },
    Attack {
        name: "bluetooth, infrared, CAN and other families",
        gets: NOT_ANYWHERE,
        code: r#"
made = []
for family in set(range(3, 46)) - {10, 16, 17, 38, 40}:
    for kind in (1, 2, 3, 5):
        try: made.append(socket.socket(family, kind).family)
        except OSError: pass
made
"#,
    },
    Attack {
        name: "see the machine's connections",
        gets: NOWHERE,
        code: r#"[line for line in slurp("/proc/self/net/tcp").splitlines()[1:] if f":{F['tcp']:04X}" in line]"#,
    },
    Attack {
        name: "see the machine's network interfaces",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir("/sys/class/net")]"#,
    },
];
