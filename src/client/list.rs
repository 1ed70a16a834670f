//! The list of sandboxes, page by page.

use std::{collections::VecDeque, fmt, sync::Arc};

use super::{
    core::Core,
    maybe_async,
    runtime::{Flow, flows},
    source::Source,
};
use crate::{
    error::{ErrorKind, Result},
    model::{SandboxInfo, SandboxState},
    protocol::{Listing, decode_list},
};

/// The sandboxes of a service, newest first, got page by page as they are asked for.
///
/// Made by [`SandboxManager::list`](super::SandboxManager::list). Narrow it first, then read it; a list that fails gives one
/// error and then nothing more.
#[must_use = "nothing is asked for until it is read"]
pub struct SandboxList {
    flow: Flow<Pages>,
}

flows!(SandboxList gives SandboxInfo);

impl SandboxList {
    pub(super) fn new(core: Arc<Core>) -> Self {
        let pages = Pages { core, listing: Listing::default(), page: VecDeque::new(), old: false, at_end: false };
        Self { flow: Flow::new(pages) }
    }

    /// Only those with this in their metadata. Given several times, all must hold.
    pub fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.narrowed(|listing| {
            listing.metadata.insert(key.into(), value.into());
        })
    }

    /// Only those in this state. Given several times, any may hold.
    pub fn state(self, state: SandboxState) -> Self {
        self.narrowed(|listing| listing.states.push(state))
    }

    /// How many to get at a time, from 1 to 100; the server's default when not given. Reading a list with another size
    /// fails with [`ErrorKind::InvalidInput`].
    pub fn page_size(self, count: u32) -> Self {
        self.narrowed(|listing| listing.page_size = Some(count))
    }

    fn narrowed(mut self, change: impl FnOnce(&mut Listing)) -> Self {
        if let Some(pages) = self.flow.source_mut() {
            change(&mut pages.listing);
        }
        self
    }
}

#[maybe_async]
impl SandboxList {
    /// The next sandbox; `None` at the end.
    ///
    #[doc = example!(r#"let mut list = client.sandboxes().list().metadata("job", "42");
while let Some(info) = list.next()"# await r#" {
    println!("{}", info?.id);
}"#)]
    #[allow(clippy::should_implement_trait, reason = "it is that method, for both flavours")]
    pub async fn next(&mut self) -> Option<Result<SandboxInfo>> {
        self.flow.next().await
    }

    /// The next page, or what is left of the one that is being read; `None` at the end.
    ///
    #[doc = example!(r#"let mut list = client.sandboxes().list().page_size(20);
while let Some(page) = list.next_page()"# await r#" {
    println!("{} more", page?.len());
}"#)]
    pub async fn next_page(&mut self) -> Option<Result<Vec<SandboxInfo>>> {
        let mut page = match self.flow.next().await? {
            Ok(first) => vec![first],
            Err(error) => return Some(Err(error)),
        };
        if let Some(pages) = self.flow.source_mut() {
            page.extend(pages.page.drain(..));
        }
        Some(Ok(page))
    }

    /// All of them that are left.
    ///
    #[doc = example!(r#"let paused = client.sandboxes().list().state(SandboxState::Paused).all()"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of any refused or failed call.
    pub async fn all(mut self) -> Result<Vec<SandboxInfo>> {
        let mut all = Vec::new();
        while let Some(info) = self.flow.next().await {
            all.push(info?);
        }
        Ok(all)
    }
}

impl fmt::Debug for SandboxList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxList").finish_non_exhaustive()
    }
}

struct Pages {
    core: Arc<Core>,
    listing: Listing,
    page: VecDeque<SandboxInfo>,
    /// The service has only the list without pages.
    old: bool,
    at_end: bool,
}

#[maybe_async(AFIT)]
impl Source for Pages {
    type Item = SandboxInfo;

    fn pop(&mut self) -> Option<Result<SandboxInfo>> {
        self.page.pop_front().map(Ok)
    }

    async fn fill(&mut self) -> Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        self.listing.check().map_err(|error| error.doing("list sandboxes"))?;
        let endpoint = self.core.endpoint();
        let request = if self.old { endpoint.list_old(&self.listing) } else { endpoint.list(&self.listing) };
        let action = request.action;
        let answer = match self.core.call(request).await {
            Err(error) if !self.old && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {
                self.old = true;
                return Ok(true);
            }
            answer => answer?,
        };
        let mut page = decode_list(&answer.body)
            .map_err(|error| self.core.redact(error).doing(action).with_attempts(answer.attempts))?;
        if self.old {
            page.retain(|info| self.listing.has(info));
        }
        // A token that does not change would make the list endless.
        let next = answer.header("x-next-token").filter(|token| !token.is_empty()).map(str::to_owned);
        self.at_end = self.old || next.is_none() || next == self.listing.next_token;
        self.listing.next_token = next;
        self.page.extend(page);
        Ok(true)
    }
}
