//! Behaviour of the real engine, run over each of its dialects.

use super::{local_client, ms};

mod contexts;
mod endings;
mod interrupts;
mod languages;
mod lifecycle;
mod python;
mod scopes;
mod streaming;
mod volume;
