//! Another sandbox of the same engine.

use super::attack::*;

pub const ATTACKS: &[Attack] = &[
    Attack { name: "read another sandbox's file", gets: NOWHERE, code: r#"slurp(F["neighbour"] + "/secret")"# },
    Attack { name: "list another sandbox's directory", gets: NOWHERE, code: r#"os.listdir(F["neighbour"])"# },
    Attack {
        name: "write into another sandbox's directory",
        gets: NOWHERE,
        code: r#"open(F["neighbour"] + "/left", "w").write("x")"#,
    },
    Attack {
        name: "list the engine's sandboxes",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir(os.path.dirname(F["neighbour"])) if len(n) == 32]"#,
    },
    Attack {
        name: "list the engine's sandboxes, from the own directory up",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir(os.path.expanduser("~/..")) if len(n) == 32]"#,
    },
    Attack {
        name: "remove another sandbox's file",
        gets: NOWHERE,
        code: r#"os.unlink(F["neighbour"] + "/left") or "removed""#,
    },
    Attack {
        name: "change the mode of another sandbox's directory, its name known",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.chmod(F["neighbour"], 0o700) or "changed""#,
    },
    Attack {
        name: "read another sandbox's temporary files",
        gets: NOWHERE,
        code: r#"[slurp(p) for p in [F["neighbour"] + "/.tmp/secret"]]"#,
    },
    Attack {
        name: "find another sandbox's file in /tmp",
        gets: NOT_ANYWHERE,
        code: r#"[p for p in glob.glob("/tmp/*") if p.endswith("neighbour-secret")]"#,
    },
    Attack {
        name: "another sandbox's shared memory",
        gets: NOT_ANYWHERE,
        code: r#"[p for p in glob.glob("/dev/shm/*") if "neighbour" in p]"#,
    },
    Attack {
        name: "signal another sandbox's process",
        gets: NOWHERE,
        code: r#"[os.kill(pid, 0) or pid for pid in F["neighbours"]]"#,
    },
    Attack {
        name: "open another sandbox's memory",
        gets: NOWHERE,
        code: r#"[os.open(f"/proc/{pid}/mem", os.O_RDWR) for pid in F["neighbours"]]"#,
    },
    Attack {
        name: "read another sandbox's environment",
        gets: NOWHERE,
        code: r#"[slurp(f"/proc/{pid}/environ")[:20] for pid in F["neighbours"]]"#,
    },
    Attack {
        name: "another sandbox's files by its process",
        gets: NOWHERE,
        code: r#"[os.listdir(f"/proc/{pid}/cwd") for pid in F["neighbours"]]"#,
    },
    Attack {
        name: "another sandbox's unix socket",
        gets: NOWHERE,
        code: r#"
def connect():
    os.chdir(F["neighbour"])  # its whole path is too long for an address
    socket.socket(socket.AF_UNIX).connect("socket")
    return "connected"
in_child(connect)
"#,
    },
    Attack {
        name: "another sandbox's abstract socket",
        gets: NOWHERE,
        code: r#"
s = socket.socket(socket.AF_UNIX); s.settimeout(2); s.connect("\0neighbour-" + F["abstract"]); "connected"
"#,
    },
    Attack {
        name: "another sandbox's port",
        gets: NOWHERE,
        code: r#"socket.create_connection(("127.0.0.1", F["neighbour_port"]), 2) and "connected""#,
    },
    Attack {
        name: "another sandbox's results, by the engine",
        gets: Gets { none: [Blocked; 2], ..NOWHERE },
        code: r#"
import http.client
names = {"Host": f"49999-{F['neighbour_id']}.localhost:{F['engine_port']}"}, {"E2b-Sandbox-Id": F["neighbour_id"], "E2b-Sandbox-Port": "49999"}
found = []
for headers in names:
    c = http.client.HTTPConnection("127.0.0.1", F["engine_port"], timeout=5)
    c.request("POST", "/execute", '{"code": "1"}', headers)
    found.append(c.getresponse().status)
[status for status in found if status < 400]
"#,
    },
];
