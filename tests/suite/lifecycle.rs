//! Pausing, resuming, metrics and logs, on services that answer oddly or not at all.

use std::time::{Duration, SystemTime};

use code_interpreter::{ErrorKind, RetryPolicy};

use super::client_of;
use crate::{CodeInterpreter, support::fake_server::FakeServer};

const LIFE: Duration = Duration::from_secs(9);

fn e2b(server: &FakeServer) -> CodeInterpreter {
    CodeInterpreter::builder().api_key("e2b_0123").api_url(server.url()).sandbox_url(server.url()).build().unwrap()
}

behaviours! {
    async fn a_service_without_these_calls_is_told_from_one_without_the_sandbox() {
        let table = [
            (404, r#"{"message":"no such route"}"#, ErrorKind::Unsupported),
            (404, "Cannot POST /sandboxes/sb-1/pause", ErrorKind::Unsupported),
            (405, "", ErrorKind::Unsupported),
            (501, r#"{"message":"not yet"}"#, ErrorKind::Unsupported),
            (404, r#"{"code":404,"message":"Sandbox \"sb-1\" doesn't exist"}"#, ErrorKind::NotFound),
        ];
        for (status, body, kind) in table {
            let server = FakeServer::always(status, "", body);
            let sandboxes = client_of(&server).sandboxes().clone();
            let errors = [
                sandboxes.pause("sb-1").await.unwrap_err(),
                sandboxes.resume("sb-1", LIFE).await.unwrap_err(),
                sandboxes.metrics("sb-1").await.unwrap_err(),
                sandboxes.logs("sb-1").await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.kind(), error.status(), error.sandbox_id()), (kind, Some(status), Some("sb-1")), "{error}");
            }
        }
        // E2B has them all, so there it is the sandbox.
        let server = FakeServer::always(404, "", r#"{"code":404,"message":"no"}"#);
        let error = e2b(&server).sandboxes().pause("i1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    async fn a_conflict_means_that_it_is_paused_only_if_it_is() {
        for (state, expected) in [("paused", Some(false)), ("running", None)] {
            let server = FakeServer::start(move |request, reply| match request.method.as_str() {
                "GET" => reply.whole(200, "", format!(r#"{{"sandboxID":"i1","state":"{state}"}}"#).as_bytes()),
                _ => reply.whole(409, "", br#"{"code":409,"message":"Sandbox \"i1\" is being snapshotted"}"#),
            });
            let outcome = e2b(&server).sandboxes().pause("i1").await;
            match expected {
                Some(expected) => assert_eq!(outcome?, expected),
                None => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Conflict),
            }
        }
    }

    async fn what_is_sent() {
        let server = FakeServer::start(|request, reply| match request.path.as_str() {
            "/sandboxes/i1/pause" => reply.whole(204, "", b""),
            "/sandboxes/i1/connect" => reply.whole(201, "", br#"{"sandboxID":"i1"}"#),
            path if path.starts_with("/v2") => reply.whole(200, "", br#"{"logs":[]}"#),
            _ => reply.whole(200, "", b"[]"),
        });
        for client in [client_of(&server), e2b(&server)] {
            let sandbox = client.sandboxes().connect("i1").await?;
            let paused = sandbox.pause().await?;
            sandbox.resume(LIFE).await?;
            let points = sandbox.metrics_between(SystemTime::UNIX_EPOCH + LIFE, SystemTime::UNIX_EPOCH + 2 * LIFE).await?;
            let lines = sandbox.logs_since(SystemTime::UNIX_EPOCH + LIFE).await?;
            assert!(paused && points.is_empty() && lines.is_empty());
        }
        let requests = server.requests();
        let lines: Vec<_> = requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        let expected = [
            "POST /sandboxes/i1/connect",
            "POST /sandboxes/i1/pause",
            "POST /sandboxes/i1/connect",
            "GET /sandboxes/i1/metrics?start=9&end=18",
            "GET /v2/sandboxes/i1/logs?cursor=9000&direction=forward&limit=1000",
        ];
        assert_eq!(lines, [expected, expected].concat());
        assert_eq!((requests[2].json(), requests[7].json()), (serde_json::json!({ "timeout": 9 }), serde_json::json!({ "timeout": 9 })));
        assert!(requests.iter().all(|request| request.header("x-api-key").is_some()));
    }

    async fn answers_that_are_none_are_protocol_errors() {
        for body in ["", "<html></html>", "null", "7", r#"[{"timestamp":"x"}]"#, r#"{"logs":[{}]}"#] {
            let server = FakeServer::always(200, "", body);
            let sandboxes = client_of(&server).sandboxes().clone();
            let errors = [
                sandboxes.metrics("sb-1").await.unwrap_err(),
                sandboxes.logs("sb-1").await.unwrap_err(),
                sandboxes.resume("sb-1", LIFE).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.kind(), error.sandbox_id()), (ErrorKind::Protocol, Some("sb-1")), "{body}: {error}");
            }
        }
        let server = FakeServer::always(200, "", r#"{"message":"unknown key test-key"}"#);
        let error = client_of(&server).sandboxes().logs("test-key").await.unwrap_err();
        assert!(error.to_string().contains("could not read the logs"), "{error}");
    }

    async fn a_502_inside_is_a_pause_if_the_control_plane_says_so() {
        for (state, is_paused) in [("paused", true), ("running", false)] {
            let server = FakeServer::start(move |request, reply| match request.header("e2b-sandbox-id") {
                Some(_) => reply.whole(502, "", br#"{"sandboxId":"i1","message":"The sandbox was not found","code":502}"#),
                None => reply.whole(200, "", format!(r#"{{"sandboxID":"i1","state":"{state}"}}"#).as_bytes()),
            });
            let client = e2b(&server);
            let sandbox = client.sandboxes().get("i1").await?;
            for error in [sandbox.execute_code("1").await.unwrap_err(), sandbox.contexts().list().await.unwrap_err()] {
                assert_eq!((error.is_sandbox_paused(), error.is_sandbox_gone()), (is_paused, !is_paused), "{error}");
            }
        }
    }

    async fn an_execution_that_breaks_off_in_a_pause_says_so() {
        let server = FakeServer::start(|request, reply| match request.method.as_str() {
            "GET" => reply.whole(200, "", br#"{"sandboxID":"sb-1","state":"paused"}"#),
            _ => {
                reply.head("")?;
                reply.piece(b"{\"type\":\"stdout\",\"text\":\"x\"}\n")?;
                Err(std::io::Error::other("cut"))
            }
        });
        let client = CodeInterpreter::builder().url(server.url()).api_key("k").retry(RetryPolicy::none()).build()?;
        let error = client.sandboxes().execute_code("sb-1", "1").await.unwrap_err();
        assert!(error.is_sandbox_paused() && error.to_string().contains("resume it"), "{error}");
        assert_eq!(error.partial().unwrap().stdout(), "x");
    }
}
