//! What E2B offers and this engine cannot: it is refused, with the reason, so that nobody relies on it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;

use super::super::policy::{Network, Policy};
use super::super::registry::Registry;
use super::reply::Problem;

/// What of the control plane is about templates and other things than sandboxes.
const RESOURCES: [&str; 7] = ["templates", "snapshots", "volumes", "volumecontent", "secrets", "teams", "nodes"];

/// What the creator of a sandbox may ask for, and gets only where it asks for nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wishes {
    network: Option<Rules>,
    volume_mounts: Option<Value>,
    iam: Option<Value>,
    mcp: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    allow_public_traffic: Option<bool>,
    allow_out: Option<Value>,
    deny_out: Option<Value>,
    egress_proxy: Option<Value>,
    rules: Option<Value>,
    mask_request_host: Option<Value>,
}

impl Wishes {
    pub(super) fn is_private(&self) -> bool {
        self.network.as_ref().is_some_and(|network| network.allow_public_traffic == Some(false))
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if let Some(name) = self.network.as_ref().and_then(Rules::first) {
            let what = format!("a network of its own for a sandbox ({name}): the engine's policy is that of all");
            return Err(unavailable(&what));
        }
        for (what, wish) in [
            ("volumes (volumeMounts): share a path in the engine's policy", &self.volume_mounts),
            ("identities (iam): nothing here signs tokens", &self.iam),
            ("MCP servers (mcp): no template has them", &self.mcp),
        ] {
            if is_there(wish.as_ref()) {
                return Err(unavailable(what));
            }
        }
        Ok(())
    }
}

impl Rules {
    /// The first rule that there is.
    fn first(&self) -> Option<&'static str> {
        let all = [
            ("allowOut", &self.allow_out),
            ("denyOut", &self.deny_out),
            ("egressProxy", &self.egress_proxy),
            ("rules", &self.rules),
            ("maskRequestHost", &self.mask_request_host),
        ];
        all.into_iter().find(|(_, rule)| is_there(rule.as_ref())).map(|(name, _)| name)
    }
}

fn is_there(wish: Option<&Value>) -> bool {
    match wish {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(_) => true,
    }
}

/// For who wants no internet: an engine that gives it to all must not be silent about that.
pub(super) fn check_offline(policy: Option<&Policy>) -> Result<(), Problem> {
    if policy.is_some_and(|policy| policy.network == Network::Off) {
        return Ok(());
    }
    Err(unavailable("a sandbox without internet access: this engine gives it to all, by its policy or by having none"))
}

/// What else E2B can do with a sandbox. E2B's clients take a 404 for a sandbox that is gone, so it must not be one.
pub(super) async fn of_sandbox(
    State(registry): State<Arc<Registry>>,
    Path((id, verb)): Path<(String, String)>,
) -> Result<(), Problem> {
    registry.get(&id)?;
    Err(unavailable(match verb.as_str() {
        "snapshots" => "snapshots: the memory and files of processes cannot be copied",
        "fork" => "forks: the memory and files of processes cannot be copied",
        "network" => "a network of its own for a sandbox: the engine's policy is that of all",
        _ => "this of a sandbox",
    }))
}

/// What is not a route of this engine's, but may be one of E2B's.
pub(super) async fn elsewhere(uri: Uri) -> Problem {
    let mut words = uri.path().trim_start_matches('/').split('/');
    let version = |word: &&str| word.strip_prefix('v').is_some_and(|number| number.parse::<u8>().is_ok());
    let first = words.next().unwrap_or_default();
    let resource = if version(&first) { words.next().unwrap_or_default() } else { first };
    match RESOURCES.iter().find(|name| **name == resource) {
        Some(name) => unavailable(name),
        None => Problem::new(StatusCode::NOT_FOUND, "no such route"),
    }
}

fn unavailable(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, format!("the embedded engine does not support {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(body: Value) -> Option<u16> {
        let wishes: Wishes = serde_json::from_value(body).unwrap();
        wishes.check().err().map(|problem| problem.status().as_u16())
    }

    #[test]
    fn who_asks_for_nothing_gets_it() {
        for body in [r#"{}"#, r#"{"network":{"allowPublicTraffic":false,"rules":{}},"volumeMounts":[],"mcp":null}"#] {
            assert_eq!(status(serde_json::from_str(body).unwrap()), None, "{body}");
        }
        for body in [
            r#"{"network":{"allowOut":["1.1.1.1"]}}"#,
            r#"{"network":{"maskRequestHost":"a"}}"#,
            r#"{"volumeMounts":[{"name":"a","path":"/a"}]}"#,
            r#"{"iam":{"tokens":{}}}"#,
            r#"{"mcp":{"github":{}}}"#,
        ] {
            assert_eq!(status(serde_json::from_str(body).unwrap()), Some(501), "{body}");
        }
    }

    #[test]
    fn only_a_policy_without_network_is_offline() {
        assert!(check_offline(Some(&Policy::new())).is_ok());
        assert!(check_offline(Some(&Policy::new().network(Network::On))).is_err() && check_offline(None).is_err());
    }
}
