//! Behaviour of the real engine, run over each of its dialects.

use super::{local_client, local_client_with, ms};

mod contexts;
mod endings;
mod interrupts;
mod languages;
mod libraries;
mod lifecycle;
mod pausing;
mod python;
mod scopes;
mod streaming;
mod volume;
