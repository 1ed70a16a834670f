//! One thread for the whole program that owns sockets and timers where no runtime of the caller's does.

use std::{sync::OnceLock, thread};

use tokio::runtime::{Builder, Handle};

use crate::error::{Error, ErrorKind, Result};

/// The driver's handle; the first call starts its thread.
///
/// The blocking client does all its I/O here. The async one uses it only for what must outlive the caller's runtime.
pub(crate) fn driver() -> Result<&'static Handle> {
    static DRIVER: OnceLock<Result<Handle>> = OnceLock::new();
    DRIVER.get_or_init(start).as_ref().map_err(Error::clone)
}

fn start() -> Result<Handle> {
    let failed = |cause| Error::new(ErrorKind::Runtime, "no thread for I/O could be started").with_source(cause);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("code-interpreter-io".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(failed)?;
    Ok(handle)
}
