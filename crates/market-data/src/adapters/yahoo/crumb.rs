//! The cookie and the crumb that quotes need: obtained once for all callers, renewed when refused.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::Secret;
use tokio::sync::Mutex;

use crate::{
    ProviderError, ProviderErrorKind,
    http::{HttpClient, HttpReply, HttpRequest, api_key},
};

/// The credentials for quotes.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) cookie: Secret,
    pub(super) crumb: Secret,
}

/// Keeps the credentials, and obtains new ones.
pub(super) struct CrumbStore {
    api: HttpClient,
    cookies: HttpClient,
    /// How many attempts to obtain some have ended.
    attempts: AtomicU64,
    last: Mutex<Option<Result<Arc<Credentials>, ProviderError>>>,
}

impl CrumbStore {
    /// Obtains nothing yet. The cookie comes from one host, the crumb from another.
    pub(super) fn new(api: HttpClient, cookies: HttpClient) -> Self {
        Self { api, cookies, attempts: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// Returns credentials other than those `refused`. Of concurrent callers one obtains them, and all share the
    /// result, failure included; if that caller is dropped, the next one takes over.
    pub(super) async fn pass(
        &self,
        refused: Option<&Arc<Credentials>>,
    ) -> Result<Arc<Credentials>, ProviderError> {
        let before = self.attempts.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        match &*last {
            Some(Ok(pass)) if refused.is_none_or(|refused| !Arc::ptr_eq(pass, refused)) => {
                return Ok(Arc::clone(pass));
            }
            Some(Err(error)) if self.attempts.load(Ordering::Acquire) > before => return Err(error.clone()),
            _ => {}
        }
        let attempt = self.obtain().await.map(Arc::new);
        *last = Some(attempt.clone());
        self.attempts.fetch_add(1, Ordering::Release);
        attempt
    }

    async fn obtain(&self) -> Result<Credentials, ProviderError> {
        // The page itself is a 404; it sets the cookie.
        let reply = self.cookies.send(&HttpRequest::get([])).await?;
        let cookie = cookie(&reply)?;
        let call = HttpRequest::get(["v1", "test", "getcrumb"]).secret_header("cookie", &cookie);
        let reply = self.api.send(&call).await?.succeeded()?;
        Ok(Credentials { crumb: crumb(&reply)?, cookie })
    }
}

fn cookie(reply: &HttpReply) -> Result<Secret, ProviderError> {
    let pairs: Vec<&str> = reply
        .headers("set-cookie")
        .filter_map(|cookie| cookie.split(';').next())
        .map(str::trim)
        .filter(|pair| pair.contains('='))
        .collect();
    if pairs.is_empty() {
        let failed = !reply.is_success() && matches!(reply.status, 429 | 500..);
        return Err(if failed {
            reply.failure()
        } else {
            reply.error(ProviderErrorKind::BadAnswer, "without the cookie that quotes need")
        });
    }
    api_key(&pairs.join("; "))
        .map_err(|_| reply.error(ProviderErrorKind::BadAnswer, "a cookie that can't be sent back"))
}

/// Reads the crumb, a short word; anything else is an error page.
fn crumb(reply: &HttpReply) -> Result<Secret, ProviderError> {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default().trim();
    let sound = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<{".contains(&byte));
    match api_key(text) {
        Ok(crumb) if sound => Ok(crumb),
        _ => Err(reply.error(ProviderErrorKind::BadAnswer, "no crumb, which quotes need")),
    }
}

impl fmt::Debug for CrumbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = self.attempts.load(Ordering::Relaxed);
        f.debug_struct("CrumbStore").field("attempts", &attempts).finish_non_exhaustive()
    }
}
