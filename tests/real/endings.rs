//! How a kernel, an execution and a sandbox can end.

use code_interpreter::{Error, ErrorKind, ExecutionResult, LocalEngine, Policy};

use super::{local_client, local_client_with, ms};
use crate::{CodeInterpreter, Sandbox, maybe_async};

#[maybe_async]
async fn run(sandbox: Sandbox, code: &'static str) -> Result<ExecutionResult, Error> {
    sandbox.execute_code(code).await
}

behaviours! {
    async fn a_kernel_that_ends_is_told_and_replaced() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let leave = "x = 1\nprint('last words')\nimport os; os._exit(1)";
        let crash = "print('last words')\nimport os; os.kill(os.getpid(), 9)";
        for (code, name) in [(leave, "KernelDied"), (crash, "KernelKilled")] {
            let result = sandbox.execute_code(code).await?;
            assert_eq!(result.stdout(), "last words\n");
            assert!(result.state_lost);
            assert_eq!(result.error.unwrap().name, name);
            let after = sandbox.execute_code("'x' in globals()").await?;
            assert_eq!((after.text(), after.state_lost), (Some("False"), true));
            let later = sandbox.execute_code("1").await?;
            assert!(!later.state_lost);
        }
    }

    async fn leaving_is_an_error_of_the_code_and_keeps_the_kernel() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("x = 1").await?;
        let result = sandbox.execute_code("import sys; sys.exit(3)").await?;
        assert_eq!(result.error.unwrap().name, "SystemExit");
        let after = sandbox.execute_code("x").await?;
        assert_eq!(after.text(), Some("1"));
    }

    async fn a_sandbox_that_is_killed_while_it_runs_says_so() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let same = sandbox.clone();
        let running = meanwhile!(run(same, "print('so far')\nimport time\ntime.sleep(60)"));
        crate::sleep(ms(1500)).await;
        let start = std::time::Instant::now();
        sandbox.kill().await?;
        let error = crate::finish(running).await.unwrap_err();
        assert!(start.elapsed() < ms(5000));
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
        assert_eq!(error.sandbox_id(), Some(sandbox.id()));
        assert_eq!(error.partial().unwrap().stdout(), "so far\n");
        let error = sandbox.execute_code("1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
        let stranger = client.sandboxes().execute_code("0123456789abcdef", "1").await.unwrap_err();
        assert_eq!(stranger.kind(), ErrorKind::NotFound, "{stranger}");
    }

    async fn every_call_says_the_same_of_a_sandbox_that_is_gone() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let (first, second) = (sandbox.kill().await?, sandbox.kill().await?);
        let runs = sandbox.is_running().await?;
        assert!(first && !second && !runs);
        // Another client cannot know that there ever was one.
        let engine = client.engine().unwrap();
        let stranger = CodeInterpreter::builder().url(engine.url()).api_key(engine.api_key()).build()?;
        for (client, kind) in [(&client, ErrorKind::SandboxGone), (&stranger, ErrorKind::NotFound)] {
            let (sandboxes, id) = (client.sandboxes(), sandbox.id());
            let errors = [
                sandboxes.execute_code(id, "1").await.unwrap_err(),
                sandboxes.get(id).await.unwrap_err(),
                sandboxes.connect(id).await.unwrap_err(),
                sandboxes.set_timeout(id, ms(1000)).await.unwrap_err(),
                sandboxes.pause(id).await.unwrap_err(),
                sandboxes.resume(id, ms(1000)).await.unwrap_err(),
                sandboxes.metrics(id).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.kind(), error.sandbox_id()), (kind, Some(id)), "{error}");
                let says = error.to_string().contains("was killed; create another");
                assert_eq!(says, kind == ErrorKind::SandboxGone, "{error}");
            }
        }
        let errors = [sandbox.info().await.unwrap_err(), sandbox.contexts().list().await.unwrap_err()];
        assert!(errors.iter().all(Error::is_sandbox_gone), "{errors:?}");
    }

    async fn a_sandbox_that_passed_a_limit_says_which_also_later() {
        let client = local_client_with(LocalEngine::builder().policy(Policy::new().disk(20 << 20)));
        let sandbox = client.sandboxes().create("python3").await?;
        let fill = "import time\nopen('large', 'wb').write(bytes(30 << 20))\n\
                    start = time.time()\nwhile time.time() < start + 30: time.sleep(0.01)";
        let result = sandbox.execute_code(fill).await?;
        assert_eq!(result.error.unwrap().name, "DiskFull");
        let error = sandbox.execute_code("1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
        assert!(error.to_string().contains("was ended") && error.to_string().contains("20 MiB"), "{error}");
        let error = sandbox.info().await.unwrap_err();
        assert!(error.to_string().contains("was ended"), "{error}");
    }

    async fn a_sandbox_that_expires_while_it_runs_says_so() {
        let spec = code_interpreter::CreateSandbox::new("python3").timeout(ms(3000));
        let client = local_client();
        let sandbox = client.sandboxes().create(spec).await?;
        let error = sandbox.execute_code("import time\ntime.sleep(60)").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
    }

    async fn a_sandbox_that_has_expired_says_so() {
        let client = local_client();
        let spec = code_interpreter::CreateSandbox::new("python3").timeout(ms(1000));
        let sandbox = client.sandboxes().create(spec).await?;
        crate::sleep(ms(1500)).await;
        let error = sandbox.execute_code("1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
        let error = sandbox.contexts().list().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
    }

    async fn an_engine_that_is_stopped_ends_what_runs() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let running = meanwhile!(run(sandbox, "import time\ntime.sleep(60)"));
        crate::sleep(ms(1500)).await;
        client.engine().unwrap().stop()?;
        let error = crate::finish(running).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Engine | ErrorKind::SandboxGone), "{error}");
    }

    async fn what_is_asked_of_an_engine_that_was_stopped_says_so() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        client.engine().unwrap().stop()?;
        let errors = [
            sandbox.execute_code("1").await.unwrap_err(),
            sandbox.info().await.unwrap_err(),
            sandbox.kill().await.unwrap_err(),
            sandbox.contexts().list().await.unwrap_err(),
            client.sandboxes().create("python3").await.unwrap_err(),
            client.sandboxes().list().all().await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Engine, 1, false), "{error}");
            assert!(error.to_string().contains("the embedded engine was stopped"), "{error}");
        }
    }
}
