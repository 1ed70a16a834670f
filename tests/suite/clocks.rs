//! The four clocks, against a server that trickles and one that stalls.

use std::time::{Duration, Instant};

use code_interpreter::{Clock, Execute, RetryPolicy};

use super::ms;
use crate::{CodeInterpreter, support::fake_server::FakeServer};

/// Eight pieces, one every 250 ms: long enough that a busy machine does not blur it.
fn trickling() -> FakeServer {
    FakeServer::start(|_, reply| {
        reply.head("")?;
        for _ in 0..8 {
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"x\"}\n")?;
            reply.pause(ms(250));
        }
        reply.piece(b"{\"type\":\"end_of_execution\"}\n")?;
        reply.end()
    })
}

/// One event, then silence.
fn stalling() -> FakeServer {
    FakeServer::start(|_, reply| {
        reply.head("")?;
        reply.piece(b"{\"type\":\"stdout\",\"text\":\"x\"}\n")?;
        reply.stall()
    })
}

fn builder(server: &FakeServer) -> crate::Builder {
    CodeInterpreter::builder().url(server.url()).api_key("k").retry(RetryPolicy::none())
}

/// About this long: no earlier, and not by a multiple later.
fn assert_about(elapsed: Duration, expected: Duration) {
    assert!(elapsed >= expected && elapsed < expected * 2 + ms(2000), "{elapsed:?}, not about {expected:?}");
}

behaviours! {
    async fn the_execution_clock_is_a_total_and_exact() {
        for server in [trickling(), stalling()] {
            let client = builder(&server).build()?;
            let start = Instant::now();
            let error = client.sandboxes().execute_code("sb-1", Execute::new("x").timeout(ms(1000))).await.unwrap_err();
            assert_about(start.elapsed(), ms(1000));
            assert_eq!(error.clock(), Some((Clock::Execution, ms(1000))));
            assert!(error.is_timeout() && error.to_string().contains("1s"), "{error}");
            assert!(error.partial().unwrap().stdout().starts_with('x'));
        }
    }

    async fn the_clients_execution_clock_holds_where_none_is_given() {
        let server = stalling();
        let client = builder(&server).execution_timeout(ms(250)).build()?;
        let error = client.sandboxes().execute_code("sb-1", "x").await.unwrap_err();
        assert_eq!(error.clock(), Some((Clock::Execution, ms(250))));
        assert_eq!(server.requests()[0].json()["timeout"], 0.25);
    }

    async fn the_idle_clock_allows_a_trickle_and_ends_a_stall() {
        let server = trickling();
        let client = builder(&server).idle_timeout(ms(1000)).build()?;
        let result = client.sandboxes().execute_code("sb-1", "x").await?;
        assert_eq!(result.stdout(), "xxxxxxxx");
        let server = stalling();
        let client = builder(&server).idle_timeout(ms(1000)).build()?;
        let start = Instant::now();
        let error = client.sandboxes().execute_code("sb-1", "x").await.unwrap_err();
        assert_about(start.elapsed(), ms(1000));
        assert_eq!(error.clock(), Some((Clock::Idle, ms(1000))));
    }

    async fn the_idle_clock_waits_for_a_queue_and_for_one_object() {
        let queued = FakeServer::start(|_, reply| {
            reply.head("")?;
            reply.pause(ms(500));
            reply.piece(b"{\"type\":\"end_of_execution\"}\n")?;
            reply.end()
        });
        let one_object = FakeServer::start(|_, reply| {
            reply.head("content-type: application/json\r\n")?;
            reply.piece(b"{\"stdout\":")?;
            reply.pause(ms(500));
            reply.piece(b"\"\"}")?;
            reply.end()
        });
        for server in [queued, one_object] {
            let client = builder(&server).idle_timeout(ms(100)).build()?;
            client.sandboxes().execute_code("sb-1", "x").await?;
        }
    }

    async fn keep_alives_count_as_life() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            for _ in 0..8 {
                reply.piece(b"{\"type\":\"keepalive\"}\n")?;
                reply.pause(ms(250));
            }
            reply.piece(b"{\"type\":\"end_of_execution\"}\n")?;
            reply.end()
        });
        let client = builder(&server).idle_timeout(ms(1000)).build()?;
        client.sandboxes().execute_code("sb-1", "x").await?;
    }

    async fn disabled_clocks_do_not_run() {
        let server = trickling();
        let client = builder(&server).idle_timeout(None).execution_timeout(ms(50)).request_timeout(None).build()?;
        let result = client.sandboxes().execute_code("sb-1", Execute::new("x").timeout(None)).await?;
        assert_eq!(result.stdout(), "xxxxxxxx");
    }

    async fn the_request_clock_covers_a_plain_call_to_its_last_byte() {
        let silent = FakeServer::start(|_, reply| reply.stall());
        let halfway = FakeServer::start(|_, reply| {
            reply.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":")?;
            reply.stall()
        });
        for server in [silent, halfway] {
            let client = builder(&server).request_timeout(ms(250)).build()?;
            let start = Instant::now();
            let error = client.sandboxes().create("python3").await.unwrap_err();
            assert_about(start.elapsed(), ms(250));
            assert_eq!(error.clock(), Some((Clock::Request, ms(250))));
        }
    }

    async fn a_flood_does_not_hide_the_clocks() {
        for piece in [&b"\n"[..], b"{\"type\":\"keepalive\"}\n", b"{\"type\":\"result\",\"extra\":{}}\n"] {
            let flood = piece.repeat(1000);
            let server = FakeServer::start(move |_, reply| {
                reply.head("")?;
                loop {
                    reply.piece(&flood)?;
                }
            });
            let client = builder(&server).build()?;
            let start = Instant::now();
            let error = client.sandboxes().execute_code("sb-1", Execute::new("x").timeout(ms(300))).await.unwrap_err();
            assert_eq!(error.clock(), Some((Clock::Execution, ms(300))));
            assert!(start.elapsed() < ms(6000), "{:?}", start.elapsed());
        }
    }

    async fn no_time_at_all_is_over_before_anything_is_sent() {
        let server = trickling();
        let request = Execute::new("x").timeout(Duration::ZERO);
        let error = builder(&server).build()?.sandboxes().execute_code("sb-1", request).await.unwrap_err();
        assert_eq!(error.clock(), Some((Clock::Execution, Duration::ZERO)));
        assert!(server.requests().is_empty());
        let result = builder(&server).build()?.sandboxes().execute_code("sb-1", Execute::new("x").timeout(Duration::MAX)).await?;
        assert!(result.is_ok());
        assert_eq!(server.requests()[0].json().get("timeout"), None);
    }

    async fn an_object_on_a_line_of_its_own_may_be_late_to_end() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            reply.piece(b"{\"stdout\":\"x\"}\n")?;
            reply.pause(ms(500));
            reply.end()
        });
        let client = builder(&server).idle_timeout(ms(100)).build()?;
        let result = client.sandboxes().execute_code("sb-1", "x").await?;
        assert_eq!(result.stdout(), "x");
    }

    async fn a_server_that_takes_the_deadline_ends_it_itself() {
        let server = FakeServer::start(|request, reply| {
            reply.head("x-execution-timeout: 1\r\n")?;
            assert_eq!(request.json()["timeout"], 1.0);
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"x\"}\n")?;
            reply.pause(ms(1500));
            reply.piece(b"{\"type\":\"error\",\"name\":\"ExecutionTimeout\",\"value\":\"\",\"traceback\":\"\"}\n")?;
            reply.piece(b"{\"type\":\"end_of_execution\",\"reason\":\"timeout\"}\n")?;
            reply.end()
        });
        let client = builder(&server).build()?;
        let error = client.sandboxes().execute_code("sb-1", Execute::new("x").timeout(ms(1000))).await.unwrap_err();
        assert_eq!(error.clock(), Some((Clock::Execution, ms(1000))));
        assert_eq!(error.partial().unwrap().error.as_ref().unwrap().name, "ExecutionTimeout");
    }
}
