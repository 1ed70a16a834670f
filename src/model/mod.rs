//! The data that goes in and comes out: the same types in both flavours, with no connection behind them.

mod chart;
#[cfg(feature = "_client")]
mod context;
#[cfg(feature = "_client")]
mod create;
#[cfg(feature = "_client")]
mod env;
#[cfg(feature = "_client")]
mod event;
#[cfg(feature = "_client")]
mod execute;
mod execution;
mod log;
mod metrics;
mod output;
mod sandbox;
mod save;

pub use chart::{
    Bar, BarChart, BoxAndWhisker, BoxAndWhiskerChart, Chart, Coordinate, PieChart, PointChart, Scale, Series, Slice,
    SuperChart,
};
#[cfg(feature = "_client")]
pub use context::{Context, CreateContext};
#[cfg(feature = "_client")]
pub use create::CreateSandbox;
#[cfg(feature = "_client")]
pub(crate) use create::{Base, MARK};
#[cfg(feature = "_client")]
pub use event::{Chunk, Event};
#[cfg(feature = "_client")]
pub use execute::Execute;
pub use execution::{ExecutionError, ExecutionResult, Logs};
pub use log::{LogLevel, SandboxLog};
pub use metrics::SandboxMetrics;
pub use output::Output;
pub use sandbox::{SandboxInfo, SandboxState};
