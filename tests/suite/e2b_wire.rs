//! What goes over the wire to an E2B service: the key to the control plane, tokens inside sandboxes.

use code_interpreter::{CreateSandbox, ErrorKind, Execute};
use serde_json::json;

use crate::{CodeInterpreter, support::fake_server::FakeServer};

const ENDED: &[u8] =
    b"{\"type\": \"stdout\", \"text\": \"hi\", \"timestamp\": \"t\"}\n{\"type\": \"end_of_execution\"}\n";

fn control_plane() -> FakeServer {
    FakeServer::start(|request, reply| {
        let sandbox: &[u8] = br#"{"sandboxID":"i1","templateID":"t","clientID":"c","envdVersion":"0.6.13","envdAccessToken":"env-token","trafficAccessToken":"traffic-token","domain":null}"#;
        match request.method.as_str() {
            "DELETE" => reply.whole(204, "", b""),
            "GET" if request.path == "/sandboxes/js" => {
                reply.whole(200, "", br#"{"sandboxID":"js","metadata":{"code_interpreter_language":"javascript"},"envdAccessToken":"js-token"}"#)
            }
            "GET" if request.path == "/sandboxes/gone" => reply.whole(404, "", br#"{"code":404,"message":"no"}"#),
            _ => reply.whole(201, "", sandbox),
        }
    })
}

fn data_plane() -> FakeServer {
    FakeServer::start(|request, reply| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/execute") => reply.whole(200, "", ENDED),
        ("POST", "/contexts") => reply.whole(200, "", br#"{"id":"c1","language":"python","cwd":"/home/user"}"#),
        ("GET", "/contexts") => reply.whole(200, "", b"[]"),
        _ => reply.whole(200, "", b"null"),
    })
}

fn client_of(control: &FakeServer, data: &FakeServer) -> CodeInterpreter {
    CodeInterpreter::builder().api_key("e2b_0123").api_url(control.url()).sandbox_url(data.url()).build().unwrap()
}

behaviours! {
    async fn every_call_goes_where_it_belongs_with_what_belongs_to_it() {
        let (control, data) = (control_plane(), data_plane());
        let client = client_of(&control, &data);
        let sandbox = client.sandboxes().create("python3.11").await?;
        let result = sandbox.execute_code(Execute::new("x").env("A", "b").timeout(super::ms(9000))).await?;
        assert_eq!(result.stdout(), "hi");
        let context = sandbox.contexts().create("python").await?;
        sandbox.contexts().list().await?;
        sandbox.contexts().restart(&context.id).await?;
        sandbox.contexts().remove(&context.id).await?;
        client.sandboxes().connect("i1").await?;
        sandbox.set_timeout(super::ms(1000)).await?;
        sandbox.kill().await?;

        let requests = control.requests();
        let lines: Vec<_> = requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        assert_eq!(
            lines,
            ["POST /sandboxes", "POST /sandboxes/i1/connect", "POST /sandboxes/i1/timeout", "DELETE /sandboxes/i1"]
        );
        let create = requests[0].json();
        assert_eq!((&create["templateID"], &create["timeout"], &create["secure"]), (&json!("code-interpreter-v1"), &json!(300), &json!(true)));
        assert_eq!(create["metadata"]["code_interpreter_mark"].as_str().map(str::len), Some(32));
        assert_eq!(requests[1].json(), json!({ "timeout": 300 }));
        assert!(requests.iter().all(|request| request.header("x-api-key") == Some("e2b_0123")));
        assert!(requests.iter().all(|request| request.header("x-access-token").is_none()));

        let requests = data.requests();
        let lines: Vec<_> = requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        assert_eq!(
            lines,
            ["POST /execute", "POST /contexts", "GET /contexts", "POST /contexts/c1/restart", "DELETE /contexts/c1"]
        );
        assert_eq!(requests[0].json(), json!({ "code": "x", "env_vars": { "A": "b" } }));
        for request in requests {
            assert_eq!(request.header("x-api-key"), None);
            assert_eq!(request.header("e2b-sandbox-id"), Some("i1"));
            assert_eq!(request.header("e2b-sandbox-port"), Some("49999"));
            assert_eq!(request.header("x-access-token"), Some("env-token"));
            assert_eq!(request.header("e2b-traffic-access-token"), Some("traffic-token"));
        }
    }

    async fn code_runs_by_id_alone() {
        let (control, data) = (control_plane(), data_plane());
        let client = client_of(&control, &data);
        client.sandboxes().execute_code("js", "1").await?;
        client.sandboxes().execute_code("js", Execute::new("1").language("bash")).await?;
        // Looked up once, and not connected to, which would move its end.
        let asked: Vec<_> = control.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
        assert_eq!(asked, ["GET /sandboxes/js"]);
        assert_eq!(data.requests()[0].json(), json!({ "code": "1", "language": "javascript" }));
        assert_eq!(data.requests()[0].header("x-access-token"), Some("js-token"));
        assert_eq!(data.requests()[1].json()["language"], "bash");
        let error = client.sandboxes().execute_code("gone", "1").await.unwrap_err();
        assert!(error.is_not_found());
    }

    async fn runtimes_and_templates_are_mapped() {
        let (control, data) = (control_plane(), data_plane());
        let client = CodeInterpreter::builder()
            .api_key("e2b_0123")
            .api_url(control.url())
            .sandbox_url(data.url())
            .template("python3.12", "my-python")
            .build()?;
        let specs: [CreateSandbox; 5] =
            ["python".into(), "node".into(), "python3.12".into(), "base".into(), CreateSandbox::template("python")];
        for spec in specs {
            client.sandboxes().create(spec).await?;
        }
        let sent: Vec<_> = control.requests().iter().map(|request| request.json()["templateID"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sent, ["code-interpreter-v1", "code-interpreter-v1", "my-python", "base", "python"]);
        assert_eq!(control.requests()[1].json()["metadata"]["code_interpreter_language"], "javascript");
    }

    async fn looking_up_where_code_goes_is_part_of_the_execution() {
        let control = FakeServer::start(|_, reply| reply.stall());
        let client = client_of(&control, &data_plane());
        let start = std::time::Instant::now();
        let error = client.sandboxes().execute_code("i1", Execute::new("x").timeout(super::ms(300))).await.unwrap_err();
        assert_eq!(error.clock(), Some((code_interpreter::Clock::Execution, super::ms(300))));
        let cancel = code_interpreter::Cancel::new();
        let handle = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(super::ms(200));
            handle.cancel();
        });
        let error = client.sandboxes().execute_code("i1", Execute::new("x").cancel(&cancel)).await.unwrap_err();
        assert!(error.is_cancelled() && start.elapsed() < super::ms(8000));
    }

    async fn code_for_a_cluster_of_ones_own_does_not_go_to_the_cloud() {
        let control = FakeServer::always(201, "", r#"{"sandboxID":"i1","envdAccessToken":"t"}"#);
        let client = CodeInterpreter::builder().api_key("e2b_0123").api_url(control.url()).build()?;
        let sandbox = client.sandboxes().create("python").await?;
        let error = sandbox.execute_code("secret").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("E2B_SANDBOX_URL"), "{error}");
    }

    async fn a_502_inside_means_that_the_sandbox_is_gone() {
        let control = control_plane();
        let data = FakeServer::always(502, "", r#"{"sandboxId":"i1","message":"The sandbox was not found","code":502}"#);
        let sandbox = client_of(&control, &data).sandboxes().create("python").await?;
        let error = sandbox.execute_code("1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone);
        let error = sandbox.contexts().list().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone);
    }
}
