//! Lists and streams, against answers that a real service is slow to give.

use code_interpreter::{CreateSandbox, ErrorKind, SandboxState};

use super::client_of;
use crate::support::fake_server::FakeServer;

/// Three pages of two.
fn paged() -> FakeServer {
    FakeServer::start(|request, reply| {
        let page = request.path.split("nextToken=").nth(1).map_or(0, |token| token.parse::<usize>().unwrap());
        let body = format!(r#"[{{"sandboxID":"s{}"}},{{"sandboxID":"s{}"}}]"#, page * 2, page * 2 + 1);
        let next = if page < 2 { format!("x-next-token: {}\r\n", page + 1) } else { String::new() };
        reply.whole(200, &next, body.as_bytes())
    })
}

behaviours! {
    async fn a_list_gets_its_pages_as_they_are_asked_for() {
        let server = paged();
        let mut list = client_of(&server).sandboxes().list().page_size(2);
        assert!(server.requests().is_empty());
        for expected in ["s0", "s1", "s2"] {
            let info = list.next().await.unwrap()?;
            assert_eq!(info.id, expected);
        }
        assert_eq!(server.requests().len(), 2);
        let rest: Vec<_> = list.all().await?.into_iter().map(|info| info.id).collect();
        assert_eq!(rest, ["s3", "s4", "s5"]);
        assert_eq!(server.requests()[1].path, "/v2/sandboxes?limit=2&nextToken=1");
    }

    async fn a_size_that_no_page_can_have_is_refused_before_anything_is_sent() {
        let server = paged();
        for size in [0, 101] {
            let error = client_of(&server).sandboxes().list().page_size(size).all().await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0), "{error}");
            assert!(error.to_string().contains(&format!("a `page_size` of {size} is not from 1 to 100")), "{error}");
        }
        assert!(server.requests().is_empty());
    }

    async fn a_list_is_read_page_by_page() {
        let server = paged();
        let mut list = client_of(&server).sandboxes().list();
        let mut sizes = Vec::new();
        while let Some(page) = list.next_page().await {
            sizes.push(page?.len());
        }
        assert_eq!(sizes, [2, 2, 2]);
    }

    async fn a_list_that_fails_gives_one_error_and_ends() {
        let server = FakeServer::always(401, "", "");
        let mut list = client_of(&server).sandboxes().list();
        let error = list.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let (next, page) = (list.next().await, list.next_page().await);
        assert!(next.is_none() && page.is_none());
        assert_eq!(server.requests().len(), 1);
    }

    async fn a_token_that_does_not_change_does_not_make_a_list_endless() {
        let server = FakeServer::always(200, "x-next-token: same\r\n", r#"[{"sandboxID":"a"}]"#);
        let all = client_of(&server).sandboxes().list().all().await?;
        assert_eq!(all.len(), 2);
    }

    async fn a_service_with_only_the_old_list_is_asked_for_that() {
        let server = FakeServer::start(|request, reply| match request.path.split('?').next().unwrap() {
            "/sandboxes" => reply.whole(
                200,
                "",
                br#"[{"id":"a","metadata":{"k":"v"},"state":"running"},{"id":"b","metadata":{"k":"other"}},{"id":"c","state":"paused","metadata":{"k":"v"}}]"#,
            ),
            _ => reply.whole(404, "", b""),
        });
        let list = client_of(&server).sandboxes().list().metadata("k", "v").state(SandboxState::Running);
        let found: Vec<_> = list.all().await?.into_iter().map(|info| info.id).collect();
        assert_eq!(found, ["a"]);
    }

    async fn what_a_lost_create_made_is_found_by_its_mark_and_killed() {
        let server = FakeServer::start(|request, reply| match request.method.as_str() {
            "POST" => reply.stall(),
            "GET" => reply.whole(
                200,
                "",
                br#"[{"id":"mine","metadata":{"code_interpreter_mark":"m1"}},{"id":"not-mine","metadata":{}}]"#,
            ),
            _ => reply.whole(204, "", b""),
        });
        let client = crate::CodeInterpreter::builder()
            .url(server.url())
            .api_key("k")
            .request_timeout(super::ms(200))
            .build()?;
        let error = client.sandboxes().create(CreateSandbox::new("python3").mark("m1")).await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(error.mark(), Some("m1"));
        let killed = client.sandboxes().kill_marked("m1").await?;
        assert_eq!(killed, 1);
        let requests = server.requests();
        assert_eq!(requests[0].json()["metadata"]["code_interpreter_mark"], "m1");
        assert!(requests[1].path.contains("code_interpreter_mark"), "{}", requests[1].path);
        assert_eq!(requests[2].path, "/sandboxes/mine");
    }

    async fn a_create_that_was_refused_leaves_no_mark() {
        let server = FakeServer::always(400, "", "");
        let spec = CreateSandbox::new("python3").mark("m1");
        let error = client_of(&server).sandboxes().create(spec).await.unwrap_err();
        assert_eq!(error.mark(), None);
    }
}
