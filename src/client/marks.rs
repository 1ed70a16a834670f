//! Sandboxes whose id never arrived, found by the mark that they were created with.

use super::{SandboxManager, maybe_async};
use crate::{
    error::Result,
    model::{MARK, SandboxInfo},
};

#[maybe_async]
impl SandboxManager {
    /// Kills the sandboxes with this mark: those whose creation was cancelled, or timed out on the way, after the service
    /// had made them. How many there were.
    ///
    #[doc = example!(r#"let spec = CreateSandbox::new("python3").mark("job-42");
if client.sandboxes().create(spec)"# await r#".is_err() {
    client.sandboxes().kill_marked("job-42")"# await r#"?;
}"#)]
    ///
    /// A sandbox that is just being made may not be found yet: call it again a little later to be sure.
    ///
    /// # Errors
    ///
    /// Those of any refused or failed call.
    pub async fn kill_marked(&self, mark: &str) -> Result<usize> {
        let found: Vec<SandboxInfo> = self.list().metadata(MARK, mark).all().await?;
        let mut killed = 0;
        for info in found {
            // A service that does not know the filter lists them all.
            if info.metadata.get(MARK).is_some_and(|given| given == mark) && self.kill(&info.id).await? {
                killed += 1;
            }
        }
        Ok(killed)
    }
}
