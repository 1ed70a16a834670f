//! What a sandbox uses, as the operating system counts it.
//!
//! Nothing is measured until somebody asks.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;

use super::disk;
use super::machine::Size;
use super::nameless::nameless;
use super::processes::Snapshot;
use super::sandbox::Sandbox;

/// How many points of a sandbox are kept.
const MOST: usize = 1000;
/// Who asks more often than this gets the latest point again.
const FRESH: Duration = Duration::from_secs(1);
/// The use of processors is the average since the last point, if that is not longer ago than this ...
const RECENT: Duration = Duration::from_secs(10);
/// ... and otherwise of this time, which measuring then takes.
const MOMENT: Duration = Duration::from_millis(100);

/// What a sandbox used at one time, as the wire has it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Point {
    timestamp: String,
    pub(super) timestamp_unix: i64,
    pub(super) cpu_count: usize,
    /// From 0 to 100, which is all of the processors.
    pub(super) cpu_used_pct: f64,
    pub(super) mem_used: u64,
    pub(super) mem_total: u64,
    /// Always 0: what files the machine keeps in its memory is not counted for a sandbox.
    pub(super) mem_cache: u64,
    pub(super) disk_used: u64,
    pub(super) disk_total: u64,
    /// With their threads.
    processes: u64,
}

#[derive(Default)]
pub(super) struct Meter(Mutex<Points>);

#[derive(Default)]
struct Points {
    all: VecDeque<Point>,
    last: Option<Reading>,
}

/// The processor time that was used up to a moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    cpu: Duration,
}

impl Meter {
    /// The points so far, with one of now, the oldest first.
    pub(super) async fn read(&self, sandbox: &Sandbox) -> Vec<Point> {
        let mut points = self.0.lock().await;
        if points.last.is_none_or(|last| last.at.elapsed() >= FRESH)
            && let Some(supervisor) = sandbox.supervisor.process()
        {
            let directory = sandbox.directory.clone();
            let (size, last) = (sandbox.size, points.last);
            let measuring = tokio::task::spawn_blocking(move || measure(supervisor, directory, size, last));
            if let Ok((point, reading)) = measuring.await {
                if points.all.len() >= MOST {
                    points.all.pop_front();
                }
                points.all.push_back(point);
                points.last = Some(reading);
            }
        }
        points.all.iter().cloned().collect()
    }
}

/// Blocks.
fn measure(supervisor: u32, directory: PathBuf, size: Size, last: Option<Reading>) -> (Point, Reading) {
    let last = last.filter(|last| last.at.elapsed() <= RECENT).unwrap_or_else(|| {
        let first = Reading { at: Instant::now(), cpu: Snapshot::take().usage(supervisor).cpu };
        sleep(MOMENT);
        first
    });
    let snapshot = Snapshot::take();
    let (at, timestamp) = (Instant::now(), Timestamp::now());
    let usage = snapshot.usage(supervisor);
    let all = snapshot.tree(supervisor);
    let nameless = nameless(&all, &directory);
    let point = Point {
        timestamp: timestamp.to_string(),
        timestamp_unix: timestamp.as_second(),
        cpu_count: size.cpu_count,
        cpu_used_pct: percent(usage.cpu.saturating_sub(last.cpu), at - last.at, size.cpu_count),
        mem_used: snapshot.proportional_memory(&all, nameless.in_memory),
        mem_total: size.memory,
        mem_cache: 0,
        disk_used: disk::count(&directory).bytes.saturating_add(nameless.on_disk),
        disk_total: size.disk,
        processes: usage.tasks,
    };
    (point, Reading { at, cpu: usage.cpu })
}

/// The part of what all processors could do, to two places.
fn percent(used: Duration, time: Duration, cpu_count: usize) -> f64 {
    let could = time.as_secs_f64() * cpu_count.max(1) as f64;
    if could <= 0.0 {
        return 0.0;
    }
    (used.as_secs_f64() / could * 10_000.0).round().min(10_000.0) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_use_of_all_processors_is_a_hundred() {
        let part = |used: u64, count| percent(Duration::from_millis(used), Duration::from_secs(1), count);
        assert_eq!([part(500, 1), part(500, 2), part(0, 0), part(3000, 2)], [50.0, 25.0, 0.0, 100.0]);
        assert_eq!(percent(Duration::from_secs(1), Duration::ZERO, 1), 0.0);
    }
}
