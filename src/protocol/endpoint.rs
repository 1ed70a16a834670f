//! Where each call goes: the one place that tells a gateway from E2B.

use std::{collections::BTreeMap, fmt, time::Duration};

use reqwest::{
    Method, Url,
    header::{HeaderName, HeaderValue},
};

use super::{
    Listing, LogQuery, MetricsQuery, Place, Request, Route,
    body::{connect_body, context_body, create_body, create_body_for_e2b, execute_body, pause_body, timeout_body},
    id::check_id,
    route::not_an_address,
    runtime,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Base, CreateContext, CreateSandbox, Execute},
};

const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-access-token");
const TRAFFIC_TOKEN: HeaderName = HeaderName::from_static("e2b-traffic-access-token");
const SANDBOX_ID: HeaderName = HeaderName::from_static("e2b-sandbox-id");
const SANDBOX_PORT: HeaderName = HeaderName::from_static("e2b-sandbox-port");

const CODE_INTERPRETER_PORT: u16 = 49999;

/// A service, and how its parts are reached.
#[derive(Clone, PartialEq, Eq)]
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
    /// Where sandboxes are, unless the control plane says. `None` if that is not of the usual service, and no domain was
    /// given: then code and tokens must not go to the usual one.
    pub(crate) domain: Option<String>,
    /// One address for all sandboxes, told apart by headers.
    pub(crate) sandbox_url: Option<Url>,
    /// The templates of runtimes, where they are not the usual ones.
    pub(crate) templates: BTreeMap<String, String>,
}

impl Endpoint {
    /// Whether calls inside a sandbox need its [`Route`].
    pub(crate) fn needs_route(&self) -> bool {
        matches!(self, Self::E2b(_))
    }

    /// The sandbox to create, with a mark by which it is found if the answer gets lost. A gateway may be a plain service
    /// that keeps no metadata, so it gets one only if one was given.
    pub(crate) fn marked(&self, spec: CreateSandbox) -> CreateSandbox {
        match self {
            Self::E2b(_) if spec.given_mark().is_none() => spec.mark(format!("{:032x}", fastrand::u128(..))),
            _ => spec,
        }
    }

    pub(crate) fn create(&self, spec: &CreateSandbox) -> Request {
        let body = match self {
            Self::Gateway(_) => create_body(spec),
            Self::E2b(hosts) => {
                let mapped = match &spec.base {
                    Base::Template(template) => runtime::Mapped { template, language: None },
                    Base::Runtime(name) => runtime::map(name, &hosts.templates),
                };
                create_body_for_e2b(spec, mapped.template, mapped.language)
            }
        };
        self.control("create a sandbox", Method::POST, &["sandboxes"]).json(body)
    }

    pub(crate) fn list(&self, listing: &Listing) -> Request {
        let mut request = self.control("list sandboxes", Method::GET, &["v2", "sandboxes"]);
        listing.write_query(&mut request.url);
        request
    }

    /// The list of services that have no newer one: whole, and maybe not narrowed.
    pub(crate) fn list_old(&self, listing: &Listing) -> Request {
        let mut request = self.control("list sandboxes", Method::GET, &["sandboxes"]);
        let metadata = listing.metadata.clone();
        Listing { metadata, ..Listing::default() }.write_query(&mut request.url);
        request
    }

    pub(crate) fn connect(&self, id: &str) -> Result<Request> {
        let request = self.on_sandbox("connect to the sandbox", Method::POST, id, &["connect"])?;
        Ok(request.json(connect_body(None)).may_repeat())
    }

    pub(crate) fn pause(&self, id: &str) -> Result<Request> {
        let request = self.on_sandbox("pause the sandbox", Method::POST, id, &["pause"])?;
        Ok(request.json(pause_body()).may_repeat())
    }

    /// The call that resumes is that which connects; the older one is for sandboxes that are paused only.
    pub(crate) fn resume(&self, id: &str, life: Duration) -> Result<Request> {
        let request = self.on_sandbox("resume the sandbox", Method::POST, id, &["connect"])?;
        Ok(request.json(connect_body(Some(life))).may_repeat())
    }

    pub(crate) fn metrics(&self, id: &str, query: &MetricsQuery) -> Result<Request> {
        let mut request = self.on_sandbox("read the metrics", Method::GET, id, &["metrics"])?;
        query.write(&mut request.url);
        Ok(request)
    }

    pub(crate) fn logs(&self, id: &str, query: &LogQuery) -> Result<Request> {
        let action = "read the logs";
        check_id("sandbox", id).map_err(|error| error.doing(action))?;
        let mut request = self.control(action, Method::GET, &["v2", "sandboxes", id, "logs"]).about(id);
        query.write(&mut request.url);
        Ok(request)
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
        let body = match self {
            Self::Gateway(_) => execute_body(request, None, deadline),
            Self::E2b(_) => execute_body(request, route.language.as_deref(), None),
        };
        Ok(self.inside("run code", Method::POST, id, route, &["execute"])?.json(body))
    }

    pub(crate) fn create_context(&self, id: &str, route: &Route, spec: &CreateContext) -> Result<Request> {
        let request = self.inside("create a context", Method::POST, id, route, &["contexts"])?;
        Ok(request.json(context_body(spec)))
    }

    pub(crate) fn list_contexts(&self, id: &str, route: &Route) -> Result<Request> {
        self.inside("list contexts", Method::GET, id, route, &["contexts"])
    }

    pub(crate) fn restart_context(&self, id: &str, route: &Route, context: &str) -> Result<Request> {
        check_id("context", context).map_err(|error| error.doing("restart the context").in_sandbox(id))?;
        self.inside("restart the context", Method::POST, id, route, &["contexts", context, "restart"])
    }

    pub(crate) fn remove_context(&self, id: &str, route: &Route, context: &str) -> Result<Request> {
        check_id("context", context).map_err(|error| error.doing("remove the context").in_sandbox(id))?;
        self.inside("remove the context", Method::DELETE, id, route, &["contexts", context])
    }

    /// A request to the code interpreter of a sandbox.
    fn inside(&self, action: &'static str, method: Method, id: &str, route: &Route, path: &[&str]) -> Result<Request> {
        let mut request = match self {
            Self::Gateway(_) => self.on_sandbox(action, method, id, path)?,
            Self::E2b(hosts) => {
                let url = hosts.inside(id, route, CODE_INTERPRETER_PORT, path)?;
                let mut request = Request::new(action, method, url)
                    .about(id)
                    .token(ACCESS_TOKEN, route.access_token.as_ref())
                    .token(TRAFFIC_TOKEN, route.traffic_token.as_ref());
                request.with_key = false;
                request.headers.insert(SANDBOX_ID, HeaderValue::from_str(id).map_err(|_| not_an_address(id))?);
                request.headers.insert(SANDBOX_PORT, CODE_INTERPRETER_PORT.into());
                request
            }
        };
        request.place = Place::Sandbox;
        Ok(request)
    }

    fn control(&self, action: &'static str, method: Method, path: &[&str]) -> Request {
        let base = match self {
            Self::Gateway(url) => url,
            Self::E2b(hosts) => &hosts.api,
        };
        Request::new(action, method, below(base, path))
    }

    fn on_sandbox(&self, action: &'static str, method: Method, id: &str, rest: &[&str]) -> Result<Request> {
        check_id("sandbox", id).map_err(|error| error.doing(action))?;
        let path = [&["sandboxes", id], rest].concat();
        Ok(self.control(action, method, &path).about(id))
    }
}

impl E2bHosts {
    fn inside(&self, id: &str, route: &Route, port: u16, path: &[&str]) -> Result<Url> {
        check_id("sandbox", id)?;
        if let Some(base) = &self.sandbox_url {
            return Ok(below(base, path));
        }
        let Some(domain) = route.domain.as_deref().or(self.domain.as_deref()) else {
            return Err(Error::new(ErrorKind::Config, "an API URL is set, and not where its sandboxes are")
                .in_sandbox(id)
                .hint("set a domain (`E2B_DOMAIN`) or a sandbox URL (`E2B_SANDBOX_URL`) as well"));
        };
        let host = format!("https://{port}-{id}.{domain}");
        let base = Url::parse(&host).map_err(|_| not_an_address(&host))?;
        Ok(below(&base, path))
    }
}

/// Addresses as people write them.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(url) => write!(f, "Gateway({url})"),
            Self::E2b(hosts) => write!(f, "E2b({})", hosts.api),
        }
    }
}

fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Fails only for addresses that cannot have a path, and the configuration let none of these through.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn gateway() -> Endpoint {
        Endpoint::Gateway(Url::parse("https://gateway.test/base/").unwrap())
    }

    fn e2b(sandbox_url: Option<&str>) -> Endpoint {
        Endpoint::E2b(E2bHosts {
            api: Url::parse("https://api.e2b.app").unwrap(),
            domain: Some("e2b.app".into()),
            sandbox_url: sandbox_url.map(|url| Url::parse(url).unwrap()),
            templates: BTreeMap::new(),
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
        assert_eq!(endpoint.list(&Listing::default()).url.path(), "/base/v2/sandboxes");
        let timeout = endpoint.set_timeout("i1", Duration::from_secs(9)).unwrap();
        assert_eq!((timeout.method.as_str(), timeout.url.path()), ("POST", "/base/sandboxes/i1/timeout"));
    }

    #[test]
    fn on_e2b_the_key_stays_with_the_control_plane() {
        let endpoint = e2b(None);
        let create = endpoint.create(&"python3".into());
        assert_eq!(create.url.as_str(), "https://api.e2b.app/sandboxes");
        assert_eq!(
            body(&create),
            serde_json::json!({
                "templateID": "code-interpreter-v1", "timeout": 300, "secure": true, "metadata": {}, "envVars": {},
            })
        );
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
    fn pausing_resuming_metrics_and_logs_are_the_control_planes() {
        use std::time::SystemTime;

        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let range = MetricsQuery { start: Some(at(1500)), end: Some(at(2500)) };
        for (endpoint, base) in [(gateway(), "https://gateway.test/base"), (e2b(None), "https://api.e2b.app")] {
            let pause = endpoint.pause("i1").unwrap();
            let resume = endpoint.resume("i1", Duration::from_millis(1500)).unwrap();
            assert_eq!((body(&pause), body(&resume)), (serde_json::json!({}), serde_json::json!({ "timeout": 2 })));
            let metrics = |query: &MetricsQuery| endpoint.metrics("i1", query).unwrap();
            let logs = |query: LogQuery| endpoint.logs("i1", &query).unwrap();
            for (request, method, rest) in [
                (pause, "POST", "/sandboxes/i1/pause"),
                (resume, "POST", "/sandboxes/i1/connect"),
                (metrics(&MetricsQuery::default()), "GET", "/sandboxes/i1/metrics"),
                (metrics(&range), "GET", "/sandboxes/i1/metrics?start=1&end=3"),
                (logs(LogQuery::Latest), "GET", "/v2/sandboxes/i1/logs?direction=backward&limit=1000"),
                (
                    logs(LogQuery::Since(at(1234))),
                    "GET",
                    "/v2/sandboxes/i1/logs?cursor=1234&direction=forward&limit=1000",
                ),
            ] {
                assert_eq!((request.method.as_str(), request.url.as_str()), (method, format!("{base}{rest}").as_str()));
                assert!(request.with_key && request.place == Place::Control, "{rest}");
                assert_eq!(request.replay, crate::retry::Replay::Safe, "{rest}");
                assert_eq!(request.headers.contains_key("content-type"), method == "POST", "{rest}");
                assert_eq!(request.sandbox_id.as_deref(), Some("i1"));
            }
            let before = LogQuery::Since(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
            assert!(logs(before).url.query().unwrap().starts_with("cursor=0&"));
            let pausing = body(&endpoint.create(&CreateSandbox::new("x").pause_on_timeout()));
            assert_eq!(pausing["autoPause"], true);
            assert_eq!(body(&endpoint.create(&"x".into())).get("autoPause"), None);
        }
    }

    #[test]
    fn no_address_is_made_from_a_bad_id() {
        for endpoint in [gateway(), e2b(None), e2b(Some("http://127.0.0.1:9"))] {
            for id in ["", "..", "a/b", "a.b", "x\ny"] {
                assert!(endpoint.get(id).is_err() && endpoint.kill(id).is_err());
                assert!(endpoint.pause(id).is_err() && endpoint.resume(id, Duration::ZERO).is_err());
                assert!(endpoint.metrics(id, &MetricsQuery::default()).is_err());
                assert!(endpoint.logs(id, &LogQuery::Latest).is_err());
                assert!(endpoint.execute(id, &Route::default(), &"1".into(), None).is_err());
            }
        }
    }
}
