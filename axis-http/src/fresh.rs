//! Answers that depend on datasets alone: an `ETag` for each, 304 for clients that have it, and a bounded cache of bodies.
//!
//! What a route depends on stands in the table of `routes::policy`. The tag is made of the versions of those datasets, the
//! configuration, the build and the request, before the handler runs. A commit in between makes the body newer than its tag,
//! never older: the next request has another tag.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axis_core::config::DatasetKind;
use axis_core::{Dataset, Engine};
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Query;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::routes::policy::Depends;

/// The longest path and query that is kept.
const KEY_MAX: usize = 4096;
/// The largest body that is kept.
const BODY_MAX: u64 = 4 * 1024 * 1024;
/// What an entry takes beside key and body, about.
const OVERHEAD: u64 = 512;
/// Clients ask again each time, and nobody between keeps an answer.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The length and the time of a file, if it is there.
pub(crate) type Stamp = Option<(u64, SystemTime)>;

/// What an answer is known by.
#[derive(Debug)]
pub(crate) struct Tag {
    /// The request and the versions of its datasets.
    key: Arc<str>,
    etag: HeaderValue,
    /// Whether a kept answer will do.
    reuse: bool,
    store: bool,
}

/// The kept answers of one server.
pub(crate) struct Fresh {
    datasets: HashMap<String, Dataset>,
    fingerprint: u64,
    custom_dir: Option<PathBuf>,
    cache: Option<Cache<Arc<str>, Arc<Kept>, Weight>>,
}

#[derive(Debug)]
struct Kept {
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Arc<str>, Arc<Kept>> for Weight {
    fn weight(&self, key: &Arc<str>, kept: &Arc<Kept>) -> u64 {
        key.len() as u64 + kept.body.len() as u64 + OVERHEAD
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// What is there without asking the handler.
#[derive(Debug)]
pub(crate) enum Found {
    /// The client has it.
    Same(Response),
    /// It was kept.
    Kept(Response),
    Nothing,
}

impl Fresh {
    pub(crate) fn new(engine: &Engine) -> Self {
        let mut datasets = HashMap::new();
        for dataset in engine.datasets() {
            if dataset.config().kind == DatasetKind::HumanSignals {
                datasets.insert("human_signals_raw".to_owned(), dataset.clone());
            }
            datasets.insert(dataset.name().to_owned(), dataset);
        }
        let bytes = engine.config().server.cache_bytes;
        Self {
            datasets,
            fingerprint: fingerprint(engine),
            custom_dir: engine.config().custom_dir.clone(),
            cache: (bytes > 0).then(|| Cache::with_weighter(1024, bytes, Weight)),
        }
    }

    /// Returns what tells one state of a file of the custom directory from another.
    pub(crate) async fn stamp(&self, file: &'static str) -> Stamp {
        let path = self.custom_dir.as_ref()?.join(file);
        let found = tokio::task::spawn_blocking(move || {
            let file = std::fs::metadata(path).ok()?;
            Some((file.len(), file.modified().ok()?))
        });
        found.await.ok().flatten()
    }

    /// Returns the tag of a request; none when a dataset that it depends on was never synced.
    pub(crate) fn tag(
        &self,
        depends: Depends,
        stamp: Stamp,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Tag> {
        let named = [uri.path().rsplit('/').next().unwrap_or_default()];
        let names: &[&str] = match depends {
            Depends::Unknown => return None,
            Depends::On(names) => names,
            Depends::Named => &named,
        };
        let length = uri.path().len() + uri.query().map_or(0, str::len);
        if length > KEY_MAX {
            return None;
        }
        let mut key = String::with_capacity(length + names.len() * 64);
        key.push_str(uri.path());
        push_sorted(&mut key, uri)?;
        for name in names {
            let version = self.datasets.get(*name)?.version()?;
            // A revision holds no line break, and what is before neither.
            key.push('\n');
            key.push_str(&version.revision);
            key.push('.');
            key.push_str(&version.generation.to_string());
        }
        if let Some((length, modified)) = stamp {
            let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            key.push_str(&format!("\n{length}.{}", since.as_nanos()));
        }
        let mut hasher = DefaultHasher::new();
        (self.fingerprint, &key).hash(&mut hasher);
        let etag = HeaderValue::try_from(format!("W/\"{:016x}\"", hasher.finish())).ok()?;
        let asked = headers.get(CACHE_CONTROL).map_or(b"".as_slice(), HeaderValue::as_bytes);
        let asks = |word: &str| {
            asked
                .windows(word.len())
                .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        };
        Some(Tag {
            key: key.into(),
            etag,
            reuse: !asks("no-cache") && !asks("no-store"),
            store: *method == Method::GET && !asks("no-store"),
        })
    }

    /// Looks whether the client has the answer, or whether it was kept.
    pub(crate) fn find(&self, tag: &Tag, method: &Method, headers: &HeaderMap) -> Found {
        if !tag.reuse {
            return Found::Nothing;
        }
        if matches(headers, &tag.etag) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            tag.mark(&mut response);
            return Found::Same(response);
        }
        let kept = self.cache.as_ref().filter(|_| *method == Method::GET);
        let Some(kept) = kept.and_then(|cache| cache.get(&tag.key)) else {
            return Found::Nothing;
        };
        let mut response = Response::new(Body::from(kept.body.clone()));
        response.headers_mut().clone_from(&kept.headers);
        tag.mark(&mut response);
        Found::Kept(response)
    }

    /// Marks an answer with its tag and keeps it, when it is one that can be kept.
    pub(crate) async fn keep(&self, tag: Tag, response: Response) -> Response {
        if response.status() != StatusCode::OK {
            return response;
        }
        let size = response.body().size_hint().exact().filter(|size| *size <= BODY_MAX);
        let cache = self
            .cache
            .as_ref()
            .filter(|_| tag.store && !response.headers().contains_key(SET_COOKIE));
        let (Some(cache), Some(_)) = (cache, size) else {
            let mut response = response;
            tag.mark(&mut response);
            return response;
        };
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            // A body of known size is in memory; reading it does not fail.
            return Response::from_parts(parts, Body::empty());
        };
        let kept = Kept {
            headers: parts.headers.clone(),
            body: body.clone(),
        };
        cache.insert(Arc::clone(&tag.key), Arc::new(kept));
        let mut response = Response::from_parts(parts, Body::from(body));
        tag.mark(&mut response);
        response
    }
}

impl Tag {
    fn mark(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, REVALIDATE);
    }
}

/// What answers depend on beside data: the settings, and the program.
fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    for setting in engine.config().explain() {
        (&setting.key, &setting.value).hash(&mut hasher);
    }
    // Builds of one version are told apart by the program's file.
    if let Ok(file) = std::env::current_exe().and_then(std::fs::metadata) {
        file.len().hash(&mut hasher);
        let modified = file
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        modified.hash(&mut hasher);
    }
    hasher.finish()
}

/// Appends the parameters as the handlers read them, ordered by name; those of one name keep their order, because the last one
/// counts. None when they cannot be read.
fn push_sorted(key: &mut String, uri: &Uri) -> Option<()> {
    let Query(mut pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, value) in pairs {
        // Quoted, so that no name or value reads like two, and none holds a line break.
        key.push_str(&format!("&{name:?}={value:?}"));
    }
    Some(())
}

/// Tells whether `If-None-Match` names the tag; tags are compared weakly.
pub(crate) fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let weak = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let wanted = weak(etag.as_bytes());
    let mut given = headers.get_all(IF_NONE_MATCH).iter();
    given.any(|line| {
        let mut tags = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|tag| tag == b"*" || weak(tag) == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_ordered_by_name_only() {
        let sorted = |query: &str| {
            let mut key = String::new();
            push_sorted(&mut key, &format!("/p?{query}").parse().unwrap()).unwrap();
            key
        };
        assert_eq!(sorted("b=1&a=2"), sorted("a=2&b=1"));
        assert_ne!(sorted("a=1&a=2"), sorted("a=2&a=1"));
        assert_eq!(sorted(""), "");
        assert_eq!(sorted("&a=1&"), "&\"a\"=\"1\"");
        // One name is one name, however it is written.
        assert_ne!(sorted("ab=1&a%62=2"), sorted("a%62=2&ab=1"));
        assert_eq!(sorted("ab=1&a%62=2"), sorted("a%62=1&ab=2"));
        assert_eq!(sorted("a=x%20y"), sorted("a=x+y"));
        // What separates stays apart from what is separated.
        assert_ne!(sorted("a=1%26b=2"), sorted("a=1&b=2"));
        assert_ne!(sorted("a=1%22%26%22b%22=%222"), sorted("a=1&b=2"));
        assert!(!sorted("a=1%0A2").contains('\n'));
    }

    #[test]
    fn tags_are_found_in_lists_and_compared_weakly() {
        let etag = HeaderValue::from_static("W/\"a\"");
        let given = |value| {
            matches(
                &HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]),
                &etag,
            )
        };
        assert!(given("W/\"a\"") && given("\"a\"") && given("\"b\", W/\"a\"") && given("*"));
        assert!(!given("\"b\"") && !given("a") && !given(""));
    }
}
