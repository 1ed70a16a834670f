//! The descriptors between the engine and its Python processes: sockets for messages, pipes for text.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use super::backlog::{Backlog, Part};

/// A longer line is no message of ours: a driver refuses to send more than 200 MiB.
const MAX_LINE: usize = 256 * 1024 * 1024;
const READ_STEP: usize = 64 * 1024;

#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::empty();

/// Appends what can be read without waiting, up to `limit` bytes; zero means the end.
pub(super) fn read_available(fd: BorrowedFd<'_>, into: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
    into.reserve(limit);
    loop {
        match rustix::io::read(fd, rustix::buffer::spare_capacity(into)) {
            Err(rustix::io::Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// The engine's end of a socket.
pub(super) struct Socket(UnixStream);

impl Socket {
    /// A connected pair: this end, and the other process's.
    pub(super) fn pair() -> io::Result<(Arc<Self>, OwnedFd)> {
        let (ours, theirs) = StdStream::pair()?;
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&ours, true)?;
        ours.set_nonblocking(true)?;
        Ok((Arc::new(Self(UnixStream::from_std(ours)?)), theirs.into()))
    }

    /// Sends all of it, waiting for the other side to take it.
    pub(super) async fn send(&self, mut message: &[u8]) -> io::Result<()> {
        while !message.is_empty() {
            let sent =
                self.0.async_io(Interest::WRITABLE, || Ok(rustix::net::send(&self.0, message, SEND_FLAGS)?)).await?;
            message = message.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends a short message without waiting; `false` when the other side lets its messages pile up.
    pub(super) fn send_now(&self, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<bool> {
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match rustix::net::sendmsg(&self.0, &[IoSlice::new(message)], &mut ancillary, SEND_FLAGS) {
            Ok(sent) if sent == message.len() => Ok(true),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Says that nothing more will come: the other side reads an end of file.
    pub(super) fn close_writing(&self) {
        // It fails only when the other side has gone already.
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }
}

/// Reads a socket line by line. What is on it comes from a sandbox: lines are capped and never trusted.
pub(super) struct Lines {
    socket: Arc<Socket>,
    unread: Vec<u8>,
    /// Where the next line begins, and how far its end has been looked for.
    start: usize,
    searched: usize,
    /// Of a line that was taken too, until more is read: it is being worked on until then.
    held: Part,
}

impl Lines {
    pub(super) fn new(socket: Arc<Socket>, backlog: &Backlog) -> Self {
        Self { socket, unread: Vec::new(), start: 0, searched: 0, held: backlog.part() }
    }

    /// The next line without its end, or `None` at the end of file. Safe to cancel. An error of the kind `InvalidData`
    /// says that what came is more than the engine keeps in memory.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            let Self { socket, unread, held, .. } = self;
            let stream = &socket.0;
            if stream.async_io(Interest::READABLE, || read_step(stream.as_fd(), unread, held)).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// A line that is here already, read without waiting.
    pub(super) fn next_now(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            if !matches!(read_step(self.socket.0.as_fd(), &mut self.unread, &mut self.held), Ok(1..)) {
                return None;
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let fresh = self.unread.get(self.searched..).unwrap_or_default();
        let Some(at) = fresh.iter().position(|&byte| byte == b'\n') else {
            // Only here, so that many lines of one read are not moved once for each.
            self.unread.drain(..self.start);
            self.start = 0;
            self.searched = self.unread.len();
            return None;
        };
        let end = self.searched + at;
        if self.start == 0 && end + 1 == self.unread.len() {
            let mut line = std::mem::take(&mut self.unread);
            line.pop();
            self.searched = 0;
            return Some(line);
        }
        let line = self.unread.get(self.start..end).unwrap_or_default().to_vec();
        (self.start, self.searched) = (end + 1, end + 1);
        Some(line)
    }
}

fn read_step(fd: BorrowedFd<'_>, unread: &mut Vec<u8>, held: &mut Part) -> io::Result<usize> {
    let is_long = unread.len() >= 16 * READ_STEP;
    if unread.len() >= MAX_LINE || is_long && held.backlog.is_full() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let step = unread.len().clamp(READ_STEP, 16 * READ_STEP);
    let read = read_available(fd, unread, step)?;
    held.set(unread.len());
    Ok(read)
}

/// The engine's end of a pipe.
pub(super) struct Pipe(Option<Receiver>);

impl Pipe {
    /// This end, to read from, and the other process's.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = io::pipe()?;
        Ok((Self(Some(Receiver::from_owned_fd(ours.into())?)), theirs.into()))
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for bytes and appends them; closes itself at the end. Safe to cancel.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) {
        let Some(pipe) = &self.0 else {
            return std::future::pending().await;
        };
        while pipe.readable().await.is_ok() {
            let before = into.len();
            into.resize(before + READ_STEP, 0);
            let read = pipe.try_read(into.get_mut(before..).unwrap_or_default());
            into.truncate(before + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(1..) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => break,
            }
        }
        self.0 = None;
    }

    /// Appends what is in the pipe now. A plain read(2): the runtime's idea of readiness may be
    /// older than the bytes. False when there was nothing.
    pub(super) fn read_now(&mut self, into: &mut Vec<u8>) -> bool {
        match &self.0 {
            Some(pipe) => matches!(read_available(pipe.as_fd(), into, READ_STEP), Ok(1..)),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backlog::MOST;
    use super::*;

    #[test]
    fn long_lines_need_room_and_others_do_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, theirs) = Socket::pair().unwrap();
            let backlog = Backlog::default();
            let mut lines = Lines::new(ours, &backlog);
            let long = "x".repeat(2 << 20);
            let write = std::thread::spawn(move || {
                use std::io::Write;

                let mut theirs = StdStream::from(theirs);
                theirs.write_all(format!("{long}\nshort\n{}", long.repeat(4)).as_bytes())
            });
            assert_eq!(lines.next().await.unwrap().unwrap().len(), 2 << 20);
            let mut full = backlog.part();
            full.set(MOST);
            assert_eq!(lines.next().await.unwrap().unwrap(), b"short");
            assert_eq!(lines.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
            drop(lines);
            assert!(write.join().unwrap().is_err());
        });
    }
}
