//! A sandbox as clients see it.

use serde::Serialize;

use super::super::sandbox::{Metadata, Sandbox};

/// What clients that ask for it make their features depend on.
const ENVD_VERSION: &str = "0.6.13";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    #[serde(rename = "sandboxID")]
    sandbox_id: String,
    #[serde(rename = "templateID")]
    template_id: String,
    #[serde(rename = "clientID")]
    client_id: &'static str,
    envd_version: &'static str,
    runtime: String,
    interpreter: String,
    confinement: &'static str,
    shell: String,
    state: &'static str,
    started_at: String,
    end_at: String,
    metadata: Metadata,
    lifecycle: Lifecycle,
    cpu_count: usize,
    #[serde(rename = "memoryMB")]
    memory_mb: u64,
    #[serde(rename = "diskSizeMB")]
    disk_size_mb: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_internet_access: Option<bool>,
    /// Always null: sandboxes are where the engine is.
    domain: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    envd_access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic_access_token: Option<String>,
}

/// What becomes of a sandbox by itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle {
    auto_resume: bool,
    on_timeout: &'static str,
}

impl Info {
    /// As a listing shows it, without secrets.
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        let size = sandbox.size;
        Self {
            sandbox_id: sandbox.id.clone(),
            template_id: sandbox.template.clone(),
            client_id: "local",
            envd_version: ENVD_VERSION,
            runtime: sandbox.interpreter.runtime(),
            interpreter: sandbox.interpreter.path().display().to_string(),
            confinement: sandbox.confinement.name(),
            shell: sandbox.supervisor.shell.clone(),
            state: if sandbox.is_paused() { "paused" } else { "running" },
            started_at: sandbox.started_at.to_string(),
            end_at: sandbox.end.borrow().timestamp.to_string(),
            metadata: sandbox.metadata.clone(),
            lifecycle: Lifecycle {
                auto_resume: sandbox.auto_resumes,
                on_timeout: if sandbox.pauses_at_end() { "pause" } else { "kill" },
            },
            cpu_count: size.cpu_count,
            memory_mb: size.memory >> 20,
            disk_size_mb: size.disk >> 20,
            allow_internet_access: sandbox.allows_internet,
            domain: None,
            envd_access_token: None,
            traffic_access_token: None,
        }
    }

    /// As whoever uses the sandbox sees it.
    pub(super) fn with_tokens(sandbox: &Sandbox) -> Self {
        Self {
            envd_access_token: sandbox.tokens.access.clone(),
            traffic_access_token: sandbox.tokens.traffic.clone(),
            ..Self::new(sandbox)
        }
    }
}
