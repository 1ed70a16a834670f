//! Pausing and resuming on the embedded engine, and what it tells of a sandbox.

use std::time::{Duration, SystemTime};

use code_interpreter::{CreateSandbox, ErrorKind, Execute, LogLevel, SandboxState};

use super::{local_client, ms};

const MINUTE: Duration = Duration::from_secs(60);

behaviours! {
    async fn a_pause_keeps_the_memory() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let other = client.sandboxes().create("python3").await?;
        sandbox.execute_code("x = 41").await?;
        let (first, second) = (sandbox.pause().await?, client.sandboxes().pause(sandbox.id()).await?);
        assert!(first && !second);
        let info = sandbox.info().await?;
        assert_eq!(info.state, SandboxState::Paused);
        assert!(info.end_at.unwrap() <= SystemTime::now());
        let runs = sandbox.is_running().await?;
        assert!(!runs);
        let paused = client.sandboxes().list().state(SandboxState::Paused).all().await?;
        let running = client.sandboxes().list().state(SandboxState::Running).all().await?;
        assert_eq!((paused.len(), paused[0].id.as_str()), (1, sandbox.id()));
        assert_eq!((running.len(), running[0].id.as_str()), (1, other.id()));

        let errors = [
            sandbox.execute_code("x").await.unwrap_err(),
            sandbox.execute_stream("x").await.err().unwrap(),
            sandbox.contexts().list().await.unwrap_err(),
            sandbox.contexts().create("python").await.unwrap_err(),
            sandbox.set_timeout(MINUTE).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_sandbox_paused() && !error.is_sandbox_gone(), "{error:?}");
            assert!(error.to_string().contains("resume it"), "{error}");
        }

        sandbox.resume(MINUTE).await?;
        let result = sandbox.execute_code("x + 1").await?;
        assert_eq!(result.text(), Some("42"));
        let info = sandbox.info().await?;
        let left = info.end_at.unwrap().duration_since(SystemTime::now())?;
        assert!(info.state == SandboxState::Running && left > ms(50_000) && left <= MINUTE, "{left:?}");
        // One that runs is left alone, but for its time.
        client.sandboxes().resume(sandbox.id(), 2 * MINUTE).await?;
        let result = sandbox.execute_code("x").await?;
        assert_eq!(result.text(), Some("41"));

        sandbox.pause().await?;
        let same = client.sandboxes().connect(sandbox.id()).await?;
        let result = same.execute_code("x").await?;
        assert_eq!(result.text(), Some("41"));
        sandbox.pause().await?;
        let killed = sandbox.kill().await?;
        assert!(killed);
    }

    async fn an_execution_waits_for_the_resume() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let mut running = sandbox.execute_stream("import time\nprint('on', flush=True)\ntime.sleep(0.5)\n'done'").await?;
        let mut seen = 0;
        while seen < 2 {
            running.next().await.unwrap()?;
            seen += 1;
        }
        sandbox.pause().await?;
        crate::sleep(ms(800)).await;
        sandbox.resume(MINUTE).await?;
        let result = running.into_result().await?;
        assert_eq!(result.text(), Some("done"));

        // Whoever looks at the clock, the engine or the client, the variables are kept.
        let endless = Execute::new("x = 1\nprint('on', flush=True)\nwhile True: pass").timeout(ms(700));
        let mut running = sandbox.execute_stream(endless).await?;
        running.next().await.unwrap()?;
        running.next().await.unwrap()?;
        sandbox.pause().await?;
        crate::sleep(ms(1000)).await;
        sandbox.resume(MINUTE).await?;
        let error = running.into_result().await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let result = sandbox.execute_code("x").await?;
        assert_eq!(result.text(), Some("1"));
    }

    async fn a_timeout_can_pause_instead_of_killing() {
        let client = local_client();
        let spec = CreateSandbox::new("python3").timeout(ms(1000)).pause_on_timeout();
        let sandbox = client.sandboxes().create(spec).await?;
        sandbox.execute_code("x = 3").await?;
        let mut state = SandboxState::Running;
        for _ in 0..40 {
            crate::sleep(ms(100)).await;
            state = sandbox.info().await?.state;
            if state == SandboxState::Paused {
                break;
            }
        }
        assert_eq!(state, SandboxState::Paused);
        sandbox.resume(MINUTE).await?;
        let result = sandbox.execute_code("x").await?;
        assert_eq!(result.text(), Some("3"));
    }

    async fn metrics_have_units_and_a_range() {
        let client = local_client();
        let start = SystemTime::now();
        let sandbox = client.sandboxes().create("python3").await?;
        sandbox.execute_code("data = bytearray(50 << 20)\nopen('file', 'wb').write(bytes(3 << 20))").await?;
        let points = sandbox.metrics().await?;
        let info = sandbox.info().await?;
        let [point] = &points[..] else { panic!("{points:?}") };
        assert!(point.timestamp >= start && point.timestamp <= SystemTime::now());
        assert_eq!(Some(point.cpu_count), info.cpu_count);
        assert!((0.0..=100.0).contains(&point.cpu_used_percent), "{point:?}");
        assert!(point.memory_used > 50 << 20 && point.memory_used < point.memory_total, "{point:?}");
        assert!(point.disk_used > 3 << 20 && point.disk_used < point.disk_total, "{point:?}");
        assert_eq!((Some(point.memory_total >> 20), Some(point.disk_total >> 20)), (info.memory_mb, info.disk_size_mb));
        assert!(point.processes >= Some(2), "{point:?}");
        let before = sandbox.metrics_between(start - 2 * MINUTE, start - MINUTE).await?;
        let around = client.sandboxes().metrics_between(sandbox.id(), start, start + MINUTE).await?;
        assert_eq!(before, []);
        assert!(!around.is_empty());
        sandbox.kill().await?;
        let error = sandbox.metrics().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone);
    }

    async fn logs_tell_what_happened() {
        let client = local_client();
        let start = SystemTime::now();
        let sandbox = client.sandboxes().create("python3").await?;
        sandbox.execute_code("print('hello')").await?;
        let error = sandbox.execute_code("import os; os.kill(os.getpid(), 9)").await?.error;
        assert!(error.is_some());
        sandbox.pause().await?;
        let lines = sandbox.logs().await?;
        assert!(lines[0].message.starts_with("created") && lines[0].level == LogLevel::Info, "{lines:?}");
        assert!(lines.is_sorted_by_key(|line| line.timestamp) && lines[0].timestamp >= start - ms(1));
        assert_eq!(lines.last().unwrap().message, "paused");
        let warning = lines.iter().find(|line| line.level == LogLevel::Warn).unwrap();
        assert!(warning.message.contains("SIGKILL"), "{warning:?}");
        assert!(lines.iter().all(|line| !line.message.contains("hello")));
        let since = client.sandboxes().logs_since(sandbox.id(), start - MINUTE).await?;
        let later = sandbox.logs_since(SystemTime::now() + MINUTE).await?;
        assert_eq!((since, later.len()), (lines, 0));
        // Also of one that has ended.
        sandbox.kill().await?;
        let lines = client.sandboxes().logs(sandbox.id()).await?;
        assert!(lines.last().unwrap().message.contains("killed"), "{lines:?}");
        let error = client.sandboxes().logs("0123456789abcdef").await.unwrap_err();
        assert!(error.is_not_found());
    }
}
