//! The life of a sandbox on the embedded engine.

use std::time::{Duration, SystemTime};

use code_interpreter::{CreateSandbox, ErrorKind, SandboxState};

use super::{local_client, ms};
use crate::CodeInterpreter;

behaviours! {
    async fn a_sandbox_is_found_listed_and_killed() {
        let client = local_client();
        let spec = CreateSandbox::new("python3").metadata("job", "42").timeout(Duration::from_secs(100));
        let sandbox = client.sandboxes().create(spec).await?;
        let info = sandbox.info().await?;
        assert_eq!((info.id.as_str(), info.state), (sandbox.id(), SandboxState::Running));
        assert!(info.runtime.unwrap().starts_with("python3."));
        assert_eq!(info.metadata["job"], "42");
        assert!(matches!(info.confinement.as_deref(), Some("namespaces" | "landlock")));
        let life = info.end_at.unwrap().duration_since(info.started_at.unwrap())?;
        assert_eq!(life.as_secs(), 100);

        let other = client.sandboxes().create("python3").await?;
        let ids: Vec<_> = client.sandboxes().list().all().await?.into_iter().map(|info| info.id).collect();
        assert_eq!(ids, [other.id(), sandbox.id()]);

        let same = client.sandboxes().get(sandbox.id()).await?;
        same.execute_code("x = 5").await?;
        let result = sandbox.execute_code("x").await?;
        assert_eq!(result.text(), Some("5"));

        let (first, second) = (sandbox.kill().await?, sandbox.kill().await?);
        assert!(first && !second);
        let (running, other_running) = (sandbox.is_running().await?, other.is_running().await?);
        assert!(!running && other_running);
    }

    async fn a_timeout_ends_it_and_can_be_moved() {
        let client = local_client();
        let sandbox = client.sandboxes().create(CreateSandbox::new("python3").timeout(ms(2000))).await?;
        let kept = client.sandboxes().create(CreateSandbox::new("python3").timeout(ms(2000))).await?;
        kept.set_timeout(Duration::from_secs(60)).await?;
        let result = kept.info().await?;
        assert!(result.end_at.unwrap() > SystemTime::now() + Duration::from_secs(50));
        crate::sleep(ms(2500)).await;
        let (sandbox_runs, kept_runs) = (sandbox.is_running().await?, kept.is_running().await?);
        assert!(!sandbox_runs && kept_runs);
        kept.set_timeout(Duration::ZERO).await?;
        crate::sleep(ms(300)).await;
        let kept_runs = kept.is_running().await?;
        assert!(!kept_runs);
        let error = kept.set_timeout(ms(1)).await.unwrap_err();
        assert!(error.is_sandbox_gone(), "{error}");
    }

    async fn sandboxes_do_not_share_state_or_directory() {
        let client = local_client();
        let (a, b) = (client.sandboxes().create("python3").await?, client.sandboxes().create("python3").await?);
        a.execute_code("x = 1\nopen('f', 'w').write('a')").await?;
        let result = b.execute_code("import os\n'x' in globals(), os.path.exists('f')").await?;
        assert_eq!(result.text(), Some("(False, False)"));
    }

    async fn what_is_unknown_is_not_found() {
        let sandboxes = local_client().sandboxes().clone();
        let error = sandboxes.execute_code("0123456789abcdef", "1").await.unwrap_err();
        assert!(error.is_not_found() && error.to_string().contains("0123456789abcdef"), "{error}");
        let sandbox = sandboxes.create("python3").await?;
        let request = code_interpreter::Execute::new("1").context("no-such-context");
        let error = sandbox.execute_code(request).await.unwrap_err();
        assert!(error.is_not_found() && error.to_string().contains("no-such-context"), "{error}");
        assert!(error.to_string().contains("contexts().list()"), "{error}");
        let error = sandbox.execute_code(code_interpreter::Execute::new("1").language("cobol")).await.unwrap_err();
        assert!(error.to_string().contains("cobol"), "{error}");
    }

    async fn the_engine_wants_its_key() {
        let client = local_client();
        let url = client.engine().unwrap().url().to_owned();
        let stranger = CodeInterpreter::builder().url(url).api_key("guess").build()?;
        let error = stranger.sandboxes().create("python3").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
    }

    async fn the_last_handle_stops_the_engine() {
        let client = local_client();
        let engine_url = client.engine().unwrap().url().to_owned();
        let address = engine_url.trim_start_matches("http://").to_owned();
        let sandbox = client.sandboxes().create("python3").await?;
        drop(client);
        let still = sandbox.execute_code("1").await?;
        assert!(still.is_ok());
        drop(sandbox);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
