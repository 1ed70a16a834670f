//! Where each call goes: the one place that tells a gateway from E2B.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{HeaderName, HeaderValue},
};

use super::{
    Place, Request, create_body, execute_body,
    id::{check_id, is_id},
    timeout_body,
};
use crate::{
    config::Secret,
    error::{Error, ErrorKind, Result},
    model::{CreateSandbox, Execute},
};

const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-access-token");
const TRAFFIC_TOKEN: HeaderName = HeaderName::from_static("e2b-traffic-access-token");
const SANDBOX_ID: HeaderName = HeaderName::from_static("e2b-sandbox-id");
const SANDBOX_PORT: HeaderName = HeaderName::from_static("e2b-sandbox-port");

const CODE_INTERPRETER_PORT: u16 = 49999;
const CODE_INTERPRETER_TEMPLATE: &str = "code-interpreter-v1";

/// A service, and how its parts are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Everything is below one address.
    Gateway(Url),
    /// The control plane has one address, each sandbox its own.
    E2b(E2bHosts),
}

/// The addresses of an E2B service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct E2bHosts {
    pub(crate) api: Url,
    pub(crate) domain: String,
    /// One address for all sandboxes, told apart by headers.
    pub(crate) sandbox_url: Option<Url>,
}

/// How one sandbox is reached, as the control plane said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) domain: Option<String>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) traffic_token: Option<Secret>,
}

impl Endpoint {
    /// Whether calls inside a sandbox need its [`Route`].
    pub(crate) fn needs_route(&self) -> bool {
        matches!(self, Self::E2b(_))
    }

    pub(crate) fn create(&self, spec: &CreateSandbox) -> Request {
        let body = match self {
            Self::Gateway(_) => create_body("runtime", &spec.runtime, spec),
            Self::E2b(_) => create_body("templateID", template_for(&spec.runtime), spec),
        };
        self.control("create a sandbox", Method::POST, &["sandboxes"]).json(body)
    }

    pub(crate) fn list(&self) -> Request {
        self.control("list sandboxes", Method::GET, &["v2", "sandboxes"])
    }

    pub(crate) fn get(&self, id: &str) -> Result<Request> {
        self.on_sandbox("look up the sandbox", Method::GET, id, &[])
    }

    pub(crate) fn kill(&self, id: &str) -> Result<Request> {
        self.on_sandbox("kill the sandbox", Method::DELETE, id, &[])
    }

    pub(crate) fn set_timeout(&self, id: &str, life: Duration) -> Result<Request> {
        let request = self.on_sandbox("set the timeout", Method::POST, id, &["timeout"])?;
        Ok(request.json(timeout_body(life)).may_repeat())
    }

    /// `deadline` is sent where the service takes one.
    pub(crate) fn execute(
        &self,
        id: &str,
        route: &Route,
        request: &Execute,
        deadline: Option<Duration>,
    ) -> Result<Request> {
        if request.context.is_some() && request.language.is_some() {
            return Err(Error::new(ErrorKind::InvalidInput, "both a context and a language were given")
                .doing("run code")
                .in_sandbox(id)
                .hint("a context has its language; give one of them"));
        }
        match self {
            Self::Gateway(_) => {
                let mut call = self.on_sandbox("run code", Method::POST, id, &["execute"])?;
                call.place = Place::Sandbox;
                Ok(call.json(execute_body(request, deadline)))
            }
            Self::E2b(hosts) => {
                let url = hosts.inside(id, route, CODE_INTERPRETER_PORT, &["execute"])?;
                let mut call = Request::new("run code", Method::POST, url)
                    .about(id)
                    .json(execute_body(request, None))
                    .token(ACCESS_TOKEN, route.access_token.as_ref())
                    .token(TRAFFIC_TOKEN, route.traffic_token.as_ref());
                call.place = Place::Sandbox;
                call.with_key = false;
                call.headers.insert(SANDBOX_ID, HeaderValue::from_str(id).map_err(|_| not_an_address(id))?);
                call.headers.insert(SANDBOX_PORT, CODE_INTERPRETER_PORT.into());
                Ok(call)
            }
        }
    }

    fn control(&self, action: &'static str, method: Method, path: &[&str]) -> Request {
        let base = match self {
            Self::Gateway(url) => url,
            Self::E2b(hosts) => &hosts.api,
        };
        Request::new(action, method, below(base, path))
    }

    fn on_sandbox(&self, action: &'static str, method: Method, id: &str, rest: &[&str]) -> Result<Request> {
        check_id(id).map_err(|error| error.doing(action))?;
        let path = [&["sandboxes", id], rest].concat();
        Ok(self.control(action, method, &path).about(id))
    }
}

impl E2bHosts {
    fn inside(&self, id: &str, route: &Route, port: u16, path: &[&str]) -> Result<Url> {
        check_id(id)?;
        if let Some(base) = &self.sandbox_url {
            return Ok(below(base, path));
        }
        let domain = route.domain.as_deref().unwrap_or(&self.domain);
        let host = format!("https://{port}-{id}.{domain}");
        let base = Url::parse(&host).map_err(|_| not_an_address(&host))?;
        Ok(below(&base, path))
    }
}

/// Reads how a sandbox is reached from what the control plane says of it.
pub(super) fn checked_domain(domain: &str) -> Result<String> {
    if crate::config::is_bare_host(domain) { Ok(domain.to_owned()) } else { Err(not_an_address(domain)) }
}

/// An id in an answer, fit to stand in a URL.
pub(super) fn checked_id(id: String) -> Result<String> {
    if is_id(&id) { Ok(id) } else { Err(not_an_address(&id)) }
}

fn not_an_address(text: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::new(ErrorKind::Protocol, format!("the server gave an id or a host that cannot be one: {shown:?}"))
}

fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Fails only for addresses that cannot have a path, and the configuration let none of these through.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// E2B has templates, not runtimes: its code interpreter serves them all.
fn template_for(runtime: &str) -> &str {
    if runtime.starts_with("python") { CODE_INTERPRETER_TEMPLATE } else { runtime }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Endpoint {
        Endpoint::Gateway(Url::parse("https://gateway.test/base/").unwrap())
    }

    fn e2b(sandbox_url: Option<&str>) -> Endpoint {
        Endpoint::E2b(E2bHosts {
            api: Url::parse("https://api.e2b.app").unwrap(),
            domain: "e2b.app".into(),
            sandbox_url: sandbox_url.map(|url| Url::parse(url).unwrap()),
        })
    }

    fn body(request: &Request) -> serde_json::Value {
        serde_json::from_slice(request.body.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn a_gateway_has_everything_below_one_address() {
        let endpoint = gateway();
        let create = endpoint.create(&"python3.10".into());
        assert_eq!((create.method.as_str(), create.url.as_str()), ("POST", "https://gateway.test/base/sandboxes"));
        assert_eq!(body(&create), serde_json::json!({ "runtime": "python3.10" }));
        assert!(create.with_key && create.replay == crate::retry::Replay::OnlyIfRefused);

        let run = endpoint.execute("i1", &Route::default(), &"1".into(), None).unwrap();
        assert_eq!((run.method.as_str(), run.url.as_str()), ("POST", "https://gateway.test/base/sandboxes/i1/execute"));
        assert!(run.with_key);

        let kill = endpoint.kill("i1").unwrap();
        assert_eq!((kill.method.as_str(), kill.url.path()), ("DELETE", "/base/sandboxes/i1"));
        assert_eq!(endpoint.get("i1").unwrap().url.path(), "/base/sandboxes/i1");
        assert_eq!(endpoint.list().url.path(), "/base/v2/sandboxes");
        let timeout = endpoint.set_timeout("i1", Duration::from_secs(9)).unwrap();
        assert_eq!((timeout.method.as_str(), timeout.url.path()), ("POST", "/base/sandboxes/i1/timeout"));
    }

    #[test]
    fn on_e2b_the_key_stays_with_the_control_plane() {
        let endpoint = e2b(None);
        let create = endpoint.create(&"python3".into());
        assert_eq!(create.url.as_str(), "https://api.e2b.app/sandboxes");
        assert_eq!(body(&create), serde_json::json!({ "templateID": "code-interpreter-v1" }));
        assert!(create.with_key);

        let route = Route { access_token: Some(Secret::new("tok")), ..Route::default() };
        let run = endpoint.execute("i1", &route, &"1".into(), Some(Duration::from_secs(1))).unwrap();
        assert_eq!(run.url.as_str(), "https://49999-i1.e2b.app/execute");
        assert!(!run.with_key);
        assert_eq!(run.headers["x-access-token"], "tok");
        assert_eq!(run.headers["e2b-sandbox-port"], "49999");
        assert_eq!(body(&run), serde_json::json!({ "code": "1" }));
    }

    #[test]
    fn the_answers_domain_and_a_sandbox_url_come_first() {
        let route = Route { domain: Some("x.test:8443".into()), ..Route::default() };
        let run = e2b(None).execute("i1", &route, &"1".into(), None).unwrap();
        assert_eq!(run.url.as_str(), "https://49999-i1.x.test:8443/execute");
        let run = e2b(Some("http://127.0.0.1:9/")).execute("i1", &route, &"1".into(), None).unwrap();
        assert_eq!(run.url.as_str(), "http://127.0.0.1:9/execute");
        assert_eq!(run.headers["e2b-sandbox-id"], "i1");
    }

    #[test]
    fn no_address_is_made_from_a_bad_id() {
        for endpoint in [gateway(), e2b(None), e2b(Some("http://127.0.0.1:9"))] {
            for id in ["", "..", "a/b", "a.b", "x\ny"] {
                assert!(endpoint.get(id).is_err() && endpoint.kill(id).is_err());
                assert!(endpoint.execute(id, &Route::default(), &"1".into(), None).is_err());
            }
        }
    }
}
