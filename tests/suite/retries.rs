//! What is tried again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use code_interpreter::{ErrorKind, RetryPolicy};

use super::ms;
use crate::{
    CodeInterpreter,
    support::fake_server::{FakeServer, Reply},
};

/// A server that fails this many times before it answers.
fn flaky(failures: usize, fail: fn(&mut Reply) -> std::io::Result<()>) -> (FakeServer, CodeInterpreter) {
    let count = Arc::new(AtomicUsize::new(0));
    let server = FakeServer::start(move |_, reply| {
        if count.fetch_add(1, Ordering::SeqCst) < failures {
            return fail(reply);
        }
        reply.whole(200, "", br#"{"id":"sb-1"}"#)
    });
    let client = CodeInterpreter::builder()
        .url(server.url())
        .api_key("k")
        .retry(RetryPolicy::new().base_wait(ms(1)))
        .build()
        .unwrap();
    (server, client)
}

behaviours! {
    async fn a_service_that_is_down_for_a_moment_is_asked_again() {
        let (server, client) = flaky(2, |reply| reply.whole(503, "", b""));
        client.sandboxes().get("sb-1").await?;
        assert_eq!(server.requests().len(), 3);
        let (server, client) = flaky(9, |reply| reply.whole(503, "", b""));
        let error = client.sandboxes().get("sb-1").await.unwrap_err();
        assert_eq!(error.attempts(), 3);
        assert_eq!(server.requests().len(), 3);
    }

    async fn a_broken_connection_is_tried_again_only_where_that_repeats_nothing() {
        let broken: fn(&mut Reply) -> std::io::Result<()> = |_| Err(std::io::Error::other("closed"));
        let (server, client) = flaky(1, broken);
        client.sandboxes().get("sb-1").await?;
        assert_eq!(server.requests().len(), 2);
        let (server, client) = flaky(1, broken);
        let error = client.sandboxes().create("python3").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost);
        assert_eq!(server.requests().len(), 1);
    }

    async fn a_body_that_breaks_is_asked_for_again() {
        let (server, client) = flaky(1, |reply| {
            reply.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":")?;
            Err(std::io::Error::other("cut"))
        });
        client.sandboxes().get("sb-1").await?;
        assert_eq!(server.requests().len(), 2);
    }

    async fn code_is_never_sent_twice() {
        let (server, client) = flaky(9, |reply| reply.whole(503, "retry-after: 0\r\n", b""));
        client.sandboxes().execute_code("sb-1", "1").await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
    }

    async fn retry_after_is_honoured_when_creating_was_refused() {
        let (server, client) = flaky(1, |reply| reply.whole(429, "retry-after: 0.3\r\n", b""));
        let start = std::time::Instant::now();
        client.sandboxes().create("python3").await?;
        assert!(start.elapsed() >= ms(300));
        assert_eq!(server.requests().len(), 2);
        // A limit that does not pass by itself is told at once.
        let (server, client) = flaky(1, |reply| reply.whole(429, "", b""));
        let error = client.sandboxes().create("python3").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(server.requests().len(), 1);
    }

    async fn a_long_retry_after_is_told_instead_of_waited_for() {
        let (_server, client) = flaky(1, |reply| reply.whole(429, "retry-after: 3600\r\n", b""));
        let error = client.sandboxes().get("sb-1").await.unwrap_err();
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(3600)));
    }
}
