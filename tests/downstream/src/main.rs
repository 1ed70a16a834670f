//! Calls a server of its own through each flavour that was asked for, and looks at what arrived there.

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "hostile")]
mod hostile;
mod server;

fn main() {
    #[cfg(feature = "async")]
    asynchronous::run();
    #[cfg(feature = "blocking")]
    blocking::run();
    #[cfg(feature = "hostile")]
    hostile::run();
}
