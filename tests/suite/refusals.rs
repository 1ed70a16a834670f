//! Answers with an error status.

use code_interpreter::{ErrorKind, RetryPolicy};

use crate::{CodeInterpreter, support::fake_server::FakeServer};

fn client_of(server: &FakeServer) -> CodeInterpreter {
    CodeInterpreter::builder().url(server.url()).api_key("test-key").retry(RetryPolicy::none()).build().unwrap()
}

behaviours! {
    async fn each_status_has_its_kind_on_every_call() {
        use ErrorKind::*;
        let table = [
            (400, InvalidRequest),
            (401, Authentication),
            (403, PermissionDenied),
            (404, NotFound),
            (409, Conflict),
            (422, InvalidRequest),
            (429, RateLimited),
            (500, Server),
            (503, Unavailable),
            (504, Unavailable),
            (507, NotEnoughSpace),
        ];
        for (status, kind) in table {
            let server = FakeServer::start(move |_, reply| reply.whole(status, "x-request-id: req-7\r\n", b"<h1>not JSON</h1>"));
            let sandboxes = client_of(&server).sandboxes().clone();
            let create = sandboxes.create("python3").await.unwrap_err();
            let execute = sandboxes.execute_code("sb-1", "1").await.unwrap_err();
            for error in [create, execute] {
                assert_eq!((error.kind(), error.status()), (kind, Some(status)));
                assert_eq!(error.request_id(), Some("req-7"));
                assert!(error.to_string().contains("<h1>not JSON</h1>"), "{error}");
            }
        }
    }

    async fn a_status_counts_though_its_text_never_comes() {
        let server = FakeServer::start(|_, reply| {
            reply.raw(b"HTTP/1.1 401 No\r\ncontent-length: 100\r\n\r\noops")?;
            reply.stall()
        });
        let error = client_of(&server).sandboxes().create("python3").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, Some(401)));
        assert!(error.to_string().contains("oops"), "{error}");
    }

    async fn a_502_of_something_in_between_says_nothing_of_the_sandbox() {
        let server = FakeServer::start(|request, reply| match request.method.as_str() {
            "GET" => reply.whole(200, "", br#"{"id":"sb-1"}"#),
            _ => reply.whole(502, "", b"<html>Bad Gateway</html>"),
        });
        let error = client_of(&server).sandboxes().execute_code("sb-1", "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("still runs"), "{error}");
    }

    async fn another_sandbox_than_the_one_asked_for_is_refused() {
        let server = FakeServer::always(200, "", r#"{"id":"other"}"#);
        let error = client_of(&server).sandboxes().get("sb-1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let older = client_of(&server).sandboxes().get("other-6532622b").await?;
        assert_eq!(older.id(), "other");
    }

    async fn a_sandbox_that_is_gone_is_told_from_a_service_that_is_down() {
        let server = FakeServer::always(502, "", r#"{"sandboxId":"sb-1","message":"The sandbox was not found","code":502}"#);
        let sandboxes = client_of(&server).sandboxes().clone();
        let error = sandboxes.execute_code("sb-1", "1").await.unwrap_err();
        assert!(error.is_sandbox_gone());
        assert_eq!(error.sandbox_id(), Some("sb-1"));
        assert!(error.to_string().contains("The sandbox was not found"), "{error}");
        let error = sandboxes.get("sb-1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    async fn killing_what_is_gone_is_no_error() {
        let server = FakeServer::always(404, "", r#"{"code":404,"message":"no such sandbox"}"#);
        let sandboxes = client_of(&server).sandboxes().clone();
        let done = sandboxes.kill("sb-1").await?;
        assert!(!done);
        let error = sandboxes.get("sb-1").await.unwrap_err();
        assert!(error.is_not_found());
    }

    async fn a_key_that_the_server_repeats_is_not_shown() {
        let server = FakeServer::always(401, "", r#"{"message":"unknown key test-key"}"#);
        let error = client_of(&server).sandboxes().create("python3").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("test-key"));
        assert!(error.to_string().contains("unknown key [redacted]"), "{error}");
        // Also where the answer should not have been an error at all.
        for body in ["key test-key ok", "[{\"envdAccessToken\":\"test-key\"}]", "[\"test-key\"]", "<html>test-key\n"] {
            let server = FakeServer::always(200, "x-request-id: test-key\r\n", body);
            let sandboxes = client_of(&server).sandboxes().clone();
            let errors = [
                sandboxes.create("python3").await.unwrap_err(),
                sandboxes.execute_code("sb-1", "1").await.unwrap_err(),
                sandboxes.list().all().await.unwrap_err(),
            ];
            assert!(!format!("{errors:?}").contains("test-key"), "{errors:?}");
        }
    }

    async fn answers_that_are_not_what_was_asked_for_are_protocol_errors() {
        for body in ["", "<html></html>", "[]", "{}", "null", r#"{"id":null}"#] {
            let server = FakeServer::always(200, "", body);
            let error = client_of(&server).sandboxes().create("python3").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{body:?}");
            assert!(error.to_string().starts_with("could not create a sandbox: "), "{error}");
        }
    }
}
