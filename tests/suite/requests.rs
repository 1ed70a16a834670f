//! What goes over the wire to a gateway.

use code_interpreter::{CreateSandbox, Execute};
use serde_json::json;

use super::client_of;
use crate::support::fake_server::FakeServer;

/// The plain REST service that speaks only of ids and printed text.
fn plain_service() -> FakeServer {
    FakeServer::start(|request, reply| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/sandboxes") => reply.whole(201, "content-type: application/json\r\n", br#"{"id":"sb-1"}"#),
        ("POST", "/sandboxes/sb-1/execute") => {
            reply.whole(200, "content-type: application/json\r\n", br#"{"stdout":"2\n","stderr":"","error":null}"#)
        }
        ("DELETE", "/sandboxes/sb-1") => reply.whole(204, "", b""),
        _ => reply.whole(404, "", br#"{"message":"no such route"}"#),
    })
}

behaviours! {
    async fn a_plain_rest_service_is_served() {
        let server = plain_service();
        let client = client_of(&server);
        let sandbox = client.sandboxes().create("python3.10").await?;
        let result = client.sandboxes().execute_code(sandbox.id(), "print(1 + 1)").await?;
        assert_eq!(result.stdout(), "2\n");
        assert!(result.is_ok() && result.text().is_none());
        let done = sandbox.kill().await?;
        assert!(done);

        let requests = server.requests();
        let lines: Vec<_> = requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        assert_eq!(lines, ["POST /sandboxes", "POST /sandboxes/sb-1/execute", "DELETE /sandboxes/sb-1"]);
        assert_eq!(requests[0].json(), json!({ "runtime": "python3.10" }));
        assert_eq!(requests[1].json(), json!({ "code": "print(1 + 1)" }));
        assert!(requests.iter().all(|request| request.header("x-api-key") == Some("test-key")));
        assert!(requests[0].header("user-agent").unwrap().starts_with("code-interpreter-rust/"));
        assert_eq!(requests[0].header("accept-encoding"), None);
    }

    async fn everything_that_was_asked_for_is_sent() {
        let server = plain_service();
        let client = crate::CodeInterpreter::builder()
            .url(format!("{}/", server.url()))
            .api_key("k")
            .header("X-Team", "blue")
            .user_agent_suffix("tool/1")
            .build()?;
        let spec = CreateSandbox::new("python3").timeout(super::ms(1500)).env("A", "1").metadata("b", "2");
        client.sandboxes().create(spec).await?;
        let request = Execute::new("x").context("c1").env("C", "3").timeout(super::ms(2500));
        client.sandboxes().execute_code("sb-1", request).await?;
        let requests = server.requests();
        assert_eq!(
            requests[0].json(),
            json!({ "runtime": "python3", "timeout": 2, "envVars": { "A": "1" }, "metadata": { "b": "2" } })
        );
        assert_eq!(
            requests[1].json(),
            json!({ "code": "x", "context_id": "c1", "env_vars": { "C": "3" }, "timeout": 2.5 })
        );
        assert_eq!(requests[1].header("x-team"), Some("blue"));
        assert!(requests[1].header("user-agent").unwrap().ends_with(" tool/1"));
    }

    async fn a_context_and_a_language_exclude_each_other() {
        let server = plain_service();
        let request = Execute::new("x").context("c1").language("python");
        let error = client_of(&server).sandboxes().execute_code("sb-1", request).await.unwrap_err();
        assert_eq!(error.kind(), code_interpreter::ErrorKind::InvalidInput);
        assert!(server.requests().is_empty());
    }

    async fn connections_are_used_again() {
        // Only a connection that is kept carries a second request, and each has a thread of its own.
        let threads = std::sync::Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
        let seen = std::sync::Arc::clone(&threads);
        let server = FakeServer::start(move |_, reply| {
            seen.lock().unwrap().insert(std::thread::current().id());
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"x\"}\n")?;
            reply.piece(b"{\"type\":\"end_of_execution\"}\n")?;
            reply.end()
        });
        let client = client_of(&server);
        for _ in 0..20 {
            let result = client.sandboxes().execute_code("sb-1", "x").await?;
            assert_eq!(result.stdout(), "x");
        }
        // A connection is put back by a task of its own, which a busy machine may run a little late.
        let connections = threads.lock().unwrap().len();
        assert!(connections < 5, "{connections} connections for 20 calls");
    }
}
