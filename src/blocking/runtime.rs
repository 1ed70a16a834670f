//! What the written-once client needs of its flavour: here, polling on the caller's thread while the driver thread
//! owns sockets and timers.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::Duration,
};

use tokio::runtime::Handle;

use crate::{
    error::{Error, ErrorKind, Result},
    transport::driver,
};

pub(crate) use super::flow::{Flow, flows};

/// A function that a scope runs.
pub(crate) use std::ops::FnOnce as ScopeFn;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Runtime {
    driver: &'static Handle,
}

impl Runtime {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { driver: driver()? })
    }

    /// Streams are read ahead on the driver thread.
    pub(crate) fn pump(&self) -> Option<Handle> {
        Some(self.driver.clone())
    }

    pub(crate) fn wait<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_err_and(|cause| cause.is_thread_local_destroyed()) {
            return Err(Error::new(ErrorKind::Runtime, "the thread that makes the call is ending"));
        }
        // Timers and sockets register with the driver, whatever runtime the caller may be inside of.
        let _entered = self.driver.enter();
        // Inside a task of tokio, its budget would run out and never be refilled, since this task does not yield.
        let mut call = pin!(tokio::task::unconstrained(call));
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut context = Context::from_waker(&waker);
        loop {
            match call.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Runs something that blocks for a moment, which this flavour may do anywhere.
    #[cfg(feature = "local")]
    #[allow(clippy::unused_self, reason = "the other flavour asks its runtime")]
    pub(crate) fn unblock<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work()
    }

    /// Waits, within bounds, for a clean-up that was started: the program may end right behind it.
    #[allow(clippy::unused_self, reason = "symmetry with the other flavour")]
    pub(crate) fn let_finish(&self, done: std::sync::mpsc::Receiver<()>) {
        let _ = done.recv_timeout(Duration::from_secs(5));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
