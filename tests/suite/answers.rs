//! Answers to an execution that a healthy server does not give.

use code_interpreter::{ErrorKind, Execute};

use super::client_of;
use crate::support::fake_server::FakeServer;

const END: &[u8] = b"{\"type\":\"end_of_execution\"}\n";

behaviours! {
    async fn a_stream_that_ends_early_is_an_error_with_what_had_come() {
        // Politely, in the middle of a line, and abruptly.
        let server = FakeServer::start(|request, reply| {
            if request.method == "GET" {
                return reply.whole(200, "", br#"{"id":"sb-1"}"#);
            }
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"so far\"}\n")?;
            match request.json()["code"].as_str().unwrap() {
                "politely" => reply.end(),
                "in a line" => {
                    reply.piece(b"{\"type\":\"std")?;
                    reply.end()
                }
                _ => Err(std::io::Error::other("cut")),
            }
        });
        for way in ["politely", "in a line", "abruptly"] {
            let error = client_of(&server).sandboxes().execute_code("sb-1", way).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{way}");
            assert_eq!(error.partial().unwrap().stdout(), "so far", "{way}");
            assert!(error.to_string().contains("the sandbox still runs"), "{error}");
        }
    }

    async fn a_connection_that_broke_because_the_sandbox_went_says_so() {
        let server = FakeServer::start(|request, reply| {
            if request.method == "GET" {
                return reply.whole(404, "", br#"{"message":"no such sandbox"}"#);
            }
            if request.json()["code"] == "after the head" {
                reply.head("")?;
                reply.piece(b"{\"type\":\"stdout\",\"text\":\"so far\"}\n")?;
            }
            Err(std::io::Error::other("cut"))
        });
        for when in ["after the head", "before the head"] {
            let error = client_of(&server).sandboxes().execute_code("sb-1", when).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SandboxGone, "{when}: {error}");
            assert_eq!(error.partial().is_some(), when == "after the head");
        }
    }

    async fn a_service_that_cannot_look_sandboxes_up_does_not_say_that_one_is_gone() {
        let server = FakeServer::start(|request, reply| match request.method.as_str() {
            "GET" => reply.whole(404, "", br#"{"detail":"Not Found"}"#),
            _ => Err(std::io::Error::other("cut")),
        });
        let error = client_of(&server).sandboxes().execute_code("sb-1", "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    }

    async fn a_line_that_is_not_json_is_an_error_that_shows_it() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"ok\"}\n<html>proxy</html>\n")?;
            reply.piece(END)?;
            reply.end()
        });
        let error = client_of(&server).sandboxes().execute_code("sb-1", "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("<html>proxy</html>"), "{error}");
        assert_eq!(error.partial().unwrap().stdout(), "ok");
    }

    async fn bytes_that_are_not_utf8_become_replacement_characters() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"a\xffb\"}\n")?;
            reply.piece(END)?;
            reply.end()
        });
        let result = client_of(&server).sandboxes().execute_code("sb-1", "x").await?;
        assert_eq!(result.stdout(), "a\u{fffd}b");
    }

    async fn a_character_that_is_cut_between_two_pieces_is_whole() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            for byte in "{\"type\":\"stdout\",\"text\":\"h€llo 😀\"}\n".as_bytes() {
                reply.piece(&[*byte])?;
            }
            reply.piece(END)?;
            reply.end()
        });
        let result = client_of(&server).sandboxes().execute_code("sb-1", "x").await?;
        assert_eq!(result.stdout(), "h€llo 😀");
    }

    async fn unknown_types_and_fields_are_no_error() {
        let server = FakeServer::start(|_, reply| {
            reply.head("content-type: application/x-ndjson\r\n")?;
            reply.piece(b"{\"type\":\"telemetry\",\"x\":[1]}\n\n{\"type\":\"result\",\"text\":\"2\",\"hologram\":\"h\",\"is_main_result\":true,\"extra\":{}}\n")?;
            reply.piece(END)?;
            reply.end()
        });
        let result = client_of(&server).sandboxes().execute_code("sb-1", "x").await?;
        assert_eq!(result.text(), Some("2"));
        assert_eq!(result.outputs[0].get("hologram").unwrap(), "h");
    }

    async fn a_line_of_50_mb_is_accepted_and_one_past_128_mib_is_not() {
        let server = FakeServer::start(|request, reply| {
            let megabytes: usize = request.json()["code"].as_str().unwrap().parse().unwrap();
            reply.head("")?;
            reply.piece(b"{\"type\":\"stdout\",\"text\":\"")?;
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..megabytes {
                reply.piece(&piece)?;
            }
            reply.piece(b"\"}\n")?;
            reply.piece(END)?;
            reply.end()
        });
        let sandboxes = client_of(&server).sandboxes().clone();
        let result = sandboxes.execute_code("sb-1", "50").await?;
        assert_eq!(result.stdout().len(), 50 << 20);
        let error = sandboxes.execute_code("sb-1", "130").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    async fn output_beyond_the_limit_is_left_out_and_marked() {
        let server = FakeServer::start(|_, reply| {
            reply.head("")?;
            for _ in 0..100 {
                reply.piece(b"{\"type\":\"stdout\",\"text\":\"0123456789\"}\n")?;
            }
            reply.piece(b"{\"type\":\"result\",\"text\":\"2\",\"is_main_result\":true}\n")?;
            reply.piece(END)?;
            reply.end()
        });
        let result = client_of(&server).sandboxes().execute_code("sb-1", Execute::new("x").max_output(25)).await?;
        assert_eq!((result.stdout(), result.truncated), ("0123456789012345678901234", true));
        assert_eq!(result.text(), Some("2"));
    }
}
