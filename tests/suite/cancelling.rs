//! Ending a call from elsewhere.

use std::{thread, time::Instant};

use code_interpreter::{Cancel, ErrorKind, Execute};

use super::{client_of, ms};
use crate::support::fake_server::FakeServer;

behaviours! {
    async fn a_handle_ends_a_call_from_another_thread_and_closes_its_connection() {
        let (closed, noticed) = std::sync::mpsc::channel();
        let closed = std::sync::Mutex::new(closed);
        let server = FakeServer::start(move |_, reply| {
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"before\"}\n")?;
            let gone = reply.stall();
            closed.lock().unwrap().send(Instant::now()).unwrap();
            gone
        });
        let cancel = Cancel::new();
        let handle = cancel.clone();
        let canceller = thread::spawn(move || {
            thread::sleep(ms(1000));
            handle.cancel();
        });
        let start = Instant::now();
        let error = client_of(&server).sandboxes().execute_code("sb-1", Execute::new("x").cancel(&cancel)).await.unwrap_err();
        assert!(error.is_cancelled() && start.elapsed() < ms(6000));
        assert_eq!(error.partial().unwrap().stdout(), "before");
        canceller.join().unwrap();
        crate::sleep(ms(100)).await;
        assert!(noticed.recv_timeout(ms(6000)).is_ok(), "the connection was not closed");
    }

    async fn a_handle_that_was_used_ends_a_call_at_once() {
        let server = FakeServer::always(200, "", "{}");
        let cancel = Cancel::new();
        cancel.cancel();
        let error = client_of(&server).sandboxes().execute_code("sb-1", Execute::new("x").cancel(&cancel)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(server.requests().is_empty());
    }
}
