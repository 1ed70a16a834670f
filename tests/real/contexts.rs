//! Contexts of one sandbox.

use code_interpreter::{CreateContext, Error, ErrorKind, Execute, ExecutionResult};

use super::{local_client, ms};
use crate::{Sandbox, maybe_async};

#[maybe_async]
async fn run_in(sandbox: Sandbox, context: String, code: &'static str) -> Result<ExecutionResult, Error> {
    sandbox.execute_code(Execute::new(code).context(context)).await
}

behaviours! {
    async fn each_keeps_its_own_variables() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let a = sandbox.contexts().create("python").await?;
        let b = sandbox.contexts().create("python").await?;
        assert_eq!(a.language, "python");
        assert!(!a.id.is_empty() && a.id != b.id && !a.cwd.is_empty());
        sandbox.execute_code(Execute::new("x = 'a'").context(&a.id)).await?;
        sandbox.execute_code(Execute::new("x = 'b'").context(&b.id)).await?;
        let in_a = sandbox.execute_code(Execute::new("x").context(&a.id)).await?;
        assert_eq!(in_a.text(), Some("a"));
        let in_default = sandbox.execute_code("'x' in globals()").await?;
        assert_eq!(in_default.text(), Some("False"));
    }

    async fn one_starts_in_the_directory_it_was_given() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let context = sandbox.contexts().create(CreateContext::new("python").cwd("/")).await?;
        assert_eq!(context.cwd, "/");
        let result = sandbox.execute_code(Execute::new("import os; os.getcwd()").context(&context.id)).await?;
        assert_eq!(result.text(), Some("/"));
    }

    async fn they_are_listed_and_removed() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let before = sandbox.contexts().list().await?;
        let context = sandbox.contexts().create("python").await?;
        let listed = sandbox.contexts().list().await?;
        assert_eq!(listed.len(), before.len() + 1);
        assert!(listed.contains(&context));
        sandbox.contexts().remove(&context.id).await?;
        let left = sandbox.contexts().list().await?;
        assert!(!left.contains(&context));
        let error = sandbox.contexts().remove(&context.id).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let error = sandbox.execute_code(Execute::new("1").context(&context.id)).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let error = sandbox.contexts().restart("a/b").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    async fn a_restart_forgets_and_ends_what_runs() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let context = sandbox.contexts().create("python").await?;
        let (same, id) = (sandbox.clone(), context.id.clone());
        let running = meanwhile!(run_in(same, id, "x = 1\nimport time; time.sleep(60)"));
        crate::sleep(ms(1500)).await;
        sandbox.contexts().restart(&context.id).await?;
        let result = crate::finish(running).await?;
        assert_eq!(result.error.unwrap().name, "ContextRestarting");
        let result = sandbox.execute_code(Execute::new("'x' in globals()").context(&context.id)).await?;
        assert_eq!(result.text(), Some("False"));
    }

    async fn removing_one_ends_what_runs() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let context = sandbox.contexts().create("python").await?;
        let (same, id) = (sandbox.clone(), context.id.clone());
        let running = meanwhile!(run_in(same, id, "import time; time.sleep(60)"));
        crate::sleep(ms(1500)).await;
        sandbox.contexts().remove(&context.id).await?;
        let result = crate::finish(running).await?;
        assert_eq!(result.error.unwrap().name, "UnexpectedEndOfExecution");
    }

    async fn they_run_at_the_same_time() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let (a, b) = (sandbox.contexts().create("python").await?, sandbox.contexts().create("python").await?);
        let wait = "import os, time\nopen(os.environ['HOME'] + '/' + NAME, 'w').close()\nend = time.time() + 20\nwhile not os.path.exists(os.environ['HOME'] + '/' + OTHER):\n    assert time.time() < end\n    time.sleep(0.01)\n'met'";
        sandbox.execute_code(Execute::new("NAME, OTHER = 'a', 'b'").context(&a.id)).await?;
        sandbox.execute_code(Execute::new("NAME, OTHER = 'b', 'a'").context(&b.id)).await?;
        let same = sandbox.clone();
        let first = meanwhile!(run_in(same, a.id, wait));
        let second = meanwhile!(run_in(sandbox, b.id, wait));
        let (first, second) = (crate::finish(first).await?, crate::finish(second).await?);
        assert_eq!((first.text(), second.text()), (Some("met"), Some("met")));
    }
}
