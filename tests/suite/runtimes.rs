//! Runtimes of this machine, by name.

use code_interpreter::ErrorKind;

use super::gateway::local_client;
use crate::CodeInterpreter;

behaviours! {
    async fn the_short_way_in_works() {
        let client = CodeInterpreter::local().await?;
        let sandbox = client.sandboxes().create("python3").await?;
        let result = client.sandboxes().execute_code(sandbox.id(), "1 + 1").await?;
        assert_eq!(result.text(), Some("2"));
        sandbox.kill().await?;
    }

    async fn an_unknown_runtime_is_an_error_that_lists_what_there_is() {
        let client = local_client();
        for runtime in ["python3.99", "cobol", "", "../python3", "python3; rm"] {
            let error = client.sandboxes().create(runtime).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidRequest), "{error:?}");
            assert!(error.to_string().contains("python3."), "{error}");
        }
        let sandboxes = client.sandboxes().list().all().await?;
        assert!(sandboxes.is_empty());
    }
}
