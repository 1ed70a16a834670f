//! The way out of a sandbox that may use the network but not this machine's own: a proxy, which listens inside the
//! sandbox's network namespace and connects from outside.
//!
//! It speaks what programs expect of an HTTP proxy: `CONNECT` for everything encrypted, and whole addresses in requests
//! for what is not. Names are resolved here, and only addresses that the [`Allowed`] allow are connected to.

mod address;
mod head;
mod places;
mod relay;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::policy::{Network, Policy};
use address::Near;
use head::Head;
use places::Places;
use relay::relay;

/// Where it listens, in a network that the sandbox has for itself.
pub(super) const PORT: u16 = 3128;
/// How long a program may take to say where it wants to, and how long getting there may take.
const ASK: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(30);
/// How many names are looked up at a time, for all sandboxes.
const LOOKUPS: usize = 8;
/// A connection on which nothing passes is closed after this time, and after the other one while there are no more.
const IDLE: Duration = Duration::from_secs(600);
const IDLE_OF_MANY: Duration = Duration::from_secs(60);

/// Where a sandbox may connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// Any, if there are none.
    hosts: Option<Vec<String>>,
    allow_local: bool,
}

impl Allowed {
    /// What a policy allows that lets a sandbox out by a proxy.
    pub(super) fn new(policy: &Policy) -> Option<Self> {
        let hosts = match &policy.network {
            Network::Off => return None,
            Network::On if policy.allow_local_network => return None,
            Network::On => None,
            Network::Hosts(hosts) => Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
        };
        Some(Self { hosts, allow_local: policy.allow_local_network })
    }

    fn allow_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.hosts.as_ref().is_none_or(|hosts| {
            hosts.iter().any(|name| match name.strip_prefix("*.") {
                Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
                None => host == *name,
            })
        })
    }

    fn allow_address(&self, address: IpAddr, near: &Near) -> bool {
        self.allow_local || address::is_public(address) && !near.has(address)
    }
}

/// Serves a sandbox until it is dropped.
pub(super) async fn serve(listener: std::net::TcpListener, allowed: Allowed) {
    let Ok(listener) = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)) else { return };
    let (allowed, places) = (Arc::new(allowed), Places::new());
    let mut connections = JoinSet::new();
    loop {
        let Some(own) = places.own().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, as a rule; some will be free again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Some(of_all) = places.of_all().await else { return };
        let (allowed, places) = (Arc::clone(&allowed), places.clone());
        connections.spawn(async move {
            let patience = || if places.are_taken() { IDLE_OF_MANY } else { IDLE };
            // What goes wrong is the sandbox's to see, as a connection that ends.
            let _ = pass(stream, &allowed, patience).await;
            drop((own, of_all));
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection: one request, or one tunnel.
async fn pass(mut inside: TcpStream, allowed: &Allowed, patience: impl Fn() -> Duration) -> io::Result<()> {
    let mut read = Vec::new();
    let head = match timeout(ASK, ask(&mut inside, &mut read)).await {
        Ok(head) => head?,
        Err(_) => return Ok(()),
    };
    let outcome = match &head {
        Some(head) => timeout(CONNECT, connect(head, allowed)).await.unwrap_or_else(|_| Err(Refusal::Unreachable)),
        None => Err(Refusal::Malformed),
    };
    let (mut outside, head) = match (outcome, head) {
        (Ok(outside), Some(head)) => (outside, head),
        (refusal, _) => {
            let refusal = refusal.err().unwrap_or(Refusal::Malformed);
            inside.write_all(refusal.answer().as_bytes()).await?;
            return inside.shutdown().await;
        }
    };
    match head.forwarded {
        Some(request) => outside.write_all(&request).await?,
        None => inside.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
    }
    outside.write_all(read.get(head.length..).unwrap_or_default()).await?;
    relay(inside, outside, patience).await
}

/// Reads until the request is known; none when it never will be.
async fn ask(inside: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Head>> {
    loop {
        let before = read.len();
        if inside.read_buf(read).await? == 0 {
            return Ok(None);
        }
        // Only then: a head may come byte by byte.
        if before > 0 && !head::may_end(read, before) {
            continue;
        }
        match Head::parse(read) {
            head::Parsed::Whole(head) => return Ok(Some(head)),
            head::Parsed::Partial => {}
            head::Parsed::Malformed => return Ok(None),
        }
    }
}

async fn connect(head: &Head, allowed: &Allowed) -> Result<TcpStream, Refusal> {
    if !allowed.allow_host(&head.host) {
        return Err(Refusal::Host(head.host.clone()));
    }
    let (found, near) = look_up(&head.host, head.port).await.ok_or(Refusal::Unreachable)?;
    let is_allowed = |address: &SocketAddr| allowed.allow_address(address.ip(), &near);
    let (addresses, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_allowed);
    for address in &addresses {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
    }
    let is_local = addresses.is_empty() && !others.is_empty();
    Err(if is_local { Refusal::Local(head.host.clone()) } else { Refusal::Unreachable })
}

/// Looking up a name holds one of the threads for what blocks, as long as it takes and whether or not somebody still
/// waits. The engine needs these for other things.
async fn look_up(host: &str, port: u16) -> Option<(Vec<SocketAddr>, Near)> {
    static ROOM: Semaphore = Semaphore::const_new(LOOKUPS);
    let place = ROOM.acquire().await.ok()?;
    let host = host.to_owned();
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        Ok::<_, io::Error>(((host.as_str(), port).to_socket_addrs()?.collect(), Near::find()?))
    });
    task.await.ok()?.ok()
}

/// Why there is no connection.
enum Refusal {
    Malformed,
    Host(String),
    Local(String),
    Unreachable,
}

impl Refusal {
    fn answer(&self) -> String {
        let (code, why) = match self {
            Self::Malformed => (400, "this is not a request that a proxy can pass on".to_owned()),
            Self::Host(host) => (403, format!("this sandbox may not connect to {host}")),
            Self::Local(host) => {
                (403, format!("{host} is on the local network, which needs Policy::allow_local_network"))
            }
            Self::Unreachable => (502, "the host cannot be reached".to_owned()),
        };
        // Most programs show nothing but the first line.
        format!(
            "HTTP/1.1 {code} {why}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
            why.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(network: Network) -> Allowed {
        Allowed::new(&Policy::new().network(network)).unwrap()
    }

    #[test]
    fn hosts() {
        let named = rules(Network::Hosts(vec!["Example.org".to_owned(), "*.pypi.org".to_owned()]));
        for host in ["example.org", "EXAMPLE.org.", "files.pypi.org", "a.b.pypi.org"] {
            assert!(named.allow_host(host), "{host}");
        }
        for host in ["www.example.org", "pypi.org", "evilpypi.org", "example.org.evil.net", ""] {
            assert!(!named.allow_host(host), "{host}");
        }
        assert!(rules(Network::On).allow_host("anything"));
        assert_eq!(Allowed::new(&Policy::new()), None);
        assert_eq!(Allowed::new(&Policy::new().network(Network::On).allow_local_network()), None);
    }

    #[test]
    fn addresses() {
        let near = Near::find().unwrap();
        let public = rules(Network::On);
        assert!(public.allow_address([1, 1, 1, 1].into(), &near));
        assert!(!public.allow_address([127, 0, 0, 1].into(), &near));
        let hosts = Policy::new().network(Network::Hosts(vec!["x".to_owned()])).allow_local_network();
        assert!(Allowed::new(&hosts).unwrap().allow_address([127, 0, 0, 1].into(), &near));
    }
}
