//! Where a client goes, and where it does not.

use code_interpreter::{ErrorKind, RetryPolicy};

use super::client_of;
use crate::{CodeInterpreter, support::fake_server::FakeServer};

behaviours! {
    async fn no_key_and_malformed_urls_are_refused_before_anything_is_sent() {
        let error = CodeInterpreter::new("").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("no API key"), "{error}");
        for url in ["", "nonsense", "http://", "ftp://x", "http://example.com", "https://u:p@example.com", "https://x?y"] {
            let error = CodeInterpreter::builder().url(url).api_key("k").build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.to_string().contains("URL"), "{error}");
        }
    }

    async fn ids_that_would_change_the_url_are_refused() {
        let server = FakeServer::always(200, "", "{}");
        let sandboxes = client_of(&server).sandboxes().clone();
        for id in ["", "a/b", "../x", "a.b", "a\nb", "a b", "a?b", "a#b", "a%2Fb", "é"] {
            let errors = [
                sandboxes.execute_code(id, "1").await.unwrap_err(),
                sandboxes.kill(id).await.unwrap_err(),
                sandboxes.get(id).await.unwrap_err(),
                sandboxes.set_timeout(id, super::ms(1)).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id:?}");
                assert!(error.to_string().contains(&format!("{id:?}")), "{error}");
            }
        }
        assert!(server.requests().is_empty());
    }

    async fn a_bad_id_or_host_in_an_answer_is_refused() {
        for body in [r#"{"id":"a/../b"}"#, r#"{"id":"a","domain":"evil.test/path"}"#, r#"{"id":"a","domain":"u@evil.test"}"#] {
            let server = FakeServer::always(201, "", body);
            let error = client_of(&server).sandboxes().create("python3").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        }
    }

    async fn an_unreachable_host_is_a_connect_error_that_names_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        drop(listener);
        let client = CodeInterpreter::builder()
            .url(format!("http://{address}"))
            .api_key("secret-key")
            .retry(RetryPolicy::new().attempts(2).base_wait(super::ms(1)))
            .build()?;
        let error = client.sandboxes().create("python3").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 2));
        assert!(error.is_retryable());
        let text = format!("{error} {error:?}");
        assert!(text.contains(&address.to_string()) && text.contains("refused"), "{text}");
        assert!(!text.contains("secret-key"), "{text}");
    }

    async fn redirects_are_not_followed() {
        let elsewhere = FakeServer::always(200, "", r#"{"id":"a"}"#);
        let target = elsewhere.url();
        let server = FakeServer::start(move |_, reply| reply.whole(307, &format!("location: {target}/x\r\n"), b""));
        let error = client_of(&server).sandboxes().create("python3").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Protocol, Some(307)));
        assert!(error.to_string().contains(&elsewhere.url()), "{error}");
        assert!(elsewhere.requests().is_empty());
    }

    async fn this_machine_is_not_asked_for_through_a_proxy() {
        let proxy = FakeServer::always(500, "", "the proxy was asked");
        let server = FakeServer::always(201, "", r#"{"id":"a"}"#);
        let client = CodeInterpreter::builder().url(server.url()).api_key("k").proxy(proxy.url()).build()?;
        client.sandboxes().create("python3").await?;
        assert!(proxy.requests().is_empty());
    }

    async fn a_sandbox_url_on_this_machine_is_not_asked_for_through_the_proxy_of_the_api() {
        let proxy = FakeServer::always(201, "", r#"{"sandboxID":"sb-1"}"#);
        let data = FakeServer::always(200, "", r#"{"stdout":"direct"}"#);
        let client = CodeInterpreter::builder()
            .api_key("k")
            .api_url("http://api.invalid")
            .sandbox_url(data.url())
            .allow_plain_http(true)
            .proxy(proxy.url())
            .build()?;
        let sandbox = client.sandboxes().create("python3").await?;
        let result = sandbox.execute_code("x").await?;
        assert_eq!(result.stdout(), "direct");
        assert_eq!(proxy.requests().len(), 1);
    }

    async fn other_machines_are_asked_for_through_the_proxy() {
        let proxy = FakeServer::always(201, "", r#"{"id":"through-the-proxy"}"#);
        let client = CodeInterpreter::builder()
            .url("http://gateway.invalid")
            .api_key("k")
            .allow_plain_http(true)
            .proxy(proxy.url())
            .build()?;
        let done = client.sandboxes().create("python3").await?;
        assert_eq!(done.id(), "through-the-proxy");
    }
}
