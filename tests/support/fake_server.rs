//! A scripted HTTP server, for the faults that a real one cannot be made to show.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// A server on loopback that answers each request by calling a function.
pub struct FakeServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The stream of a connection, to answer on.
pub struct Reply(TcpStream);

impl FakeServer {
    /// An error from `answer` closes the connection.
    pub fn start(answer: impl Fn(&Received, &mut Reply) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (answer, seen, stop) = (Arc::new(answer), Arc::clone(&requests), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { address, requests, stopped }
    }

    /// A server that gives the same answer to everything.
    pub fn always(status: u16, headers: &'static str, body: &'static str) -> Self {
        Self::start(move |_, reply| reply.whole(status, headers, body.as_bytes()))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: TcpStream,
    answer: &dyn Fn(&Received, &mut Reply) -> io::Result<()>,
    seen: &Mutex<Vec<Received>>,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut reply = Reply(stream);
    loop {
        let request = read_request(&mut reader)?;
        seen.lock().unwrap().push(request.clone());
        answer(&request, &mut reply).ok()?;
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<_> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { method, path, headers, body })
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Reply {
    /// A whole answer. `headers` are lines with their ends.
    pub fn whole(&mut self, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
        self.raw(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).as_bytes())?;
        self.raw(body)
    }

    /// The head of an answer that comes in pieces.
    pub fn head(&mut self, headers: &str) -> io::Result<()> {
        self.raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{headers}\r\n").as_bytes())
    }

    pub fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.raw(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        self.raw(bytes)?;
        self.raw(b"\r\n")
    }

    pub fn end(&mut self) -> io::Result<()> {
        self.raw(b"0\r\n\r\n")
    }

    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub fn pause(&mut self, time: Duration) {
        thread::sleep(time);
    }

    /// Sends nothing more; returns once the client has closed the connection, or after 20 s.
    pub fn stall(&mut self) -> io::Result<()> {
        self.0.set_read_timeout(Some(Duration::from_secs(20)))?;
        let _ = self.0.read(&mut [0]);
        Err(io::Error::other("the client is gone"))
    }
}
