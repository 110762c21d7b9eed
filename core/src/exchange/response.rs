//! Responses, with the headers that DSP0266 clause 8.2 asks of each.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, LINK, LOCATION, REFERRER_POLICY, RETRY_AFTER, SERVER, STRICT_TRANSPORT_SECURITY, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::Peer;
use crate::http::{Content, Encoding, MediaType, RESPOND_ASYNC, Refusal, Representation, same_origin};
use crate::messages::ErrorBody;
use crate::resources;
use crate::route::Route;

/// 200 with a resource. `canonical` is its URI where the request came by another one.
pub(super) fn representation(
    route: &Route<'_>,
    representation: &Representation,
    canonical: Option<&str>,
    charset: bool,
    encoding: Encoding,
) -> Response<Bytes> {
    let compressed = encoding.compresses(representation.body.len());
    let mut response = Response::new(if compressed { representation.gzipped() } else { representation.body.clone() });
    let headers = response.headers_mut();
    *headers = match (route, representation.content) {
        (Route::System(_), Content::Resource(_)) if !charset => OF_SYSTEM.clone(),
        (_, content) => of_content(route, content, charset),
    };
    headers.insert(ETAG, representation.etag_header());
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(canonical) = canonical
        && let Ok(value) = HeaderValue::from_str(&format!("<{canonical}>; rel=\"canonical\""))
    {
        headers.append(LINK, value);
    }
    response
}

/// What clients read over and over again has the same headers but for its tag: they are made once.
static OF_SYSTEM: LazyLock<HeaderMap> =
    LazyLock::new(|| of_content(&Route::System(""), Content::Resource(resources::SYSTEM), false));

/// The headers of an answer with a representation, but for those that are different with each.
fn of_content(route: &Route<'_>, content: Content, charset: bool) -> HeaderMap {
    let mut headers = COMMON.clone();
    headers.reserve(10);
    headers.insert(CONTENT_TYPE, content_type(content.media_type(), charset));
    headers.insert(ALLOW, HeaderValue::from_static(route.allow()));
    headers.insert(VARY, NEGOTIATED);
    if let Content::Resource(schema) = content {
        headers.insert(LINK, HeaderValue::from_static(schema.described_by));
    }
    headers
}

/// 201 with a resource that was made.
pub(super) fn created(route: &Route<'_>, created: &Representation, charset: bool) -> Response<Bytes> {
    let mut response = representation(route, created, None, charset, Encoding::Identity);
    *response.status_mut() = StatusCode::CREATED;
    insert(response.headers_mut(), LOCATION, &route.to_string());
    response
}

/// The same with the token of a session, which nobody may keep.
pub(super) fn with_token(mut response: Response<Bytes>, token: &str) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(mut value) = HeaderValue::from_str(token) {
        value.set_sensitive(true);
        headers.insert(super::X_AUTH_TOKEN, value);
    }
    response
}

/// The head of a stream of events.
pub(super) fn event_stream(charset: bool) -> Response<()> {
    let mut response = with_body(StatusCode::OK, Bytes::new(), MediaType::EventStream, charset).map(drop);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(Route::ServerSentEvents.allow()));
    let (name, value) = UNBUFFERED;
    headers.insert(name, value);
    response
}

/// 202 with the task, at whose monitor to ask again after a while.
pub(super) fn accepted(monitor: &Route<'_>, task: &Representation, retry_after: u64, charset: bool) -> Response<Bytes> {
    let mut response = representation(monitor, task, None, charset, Encoding::Identity);
    *response.status_mut() = StatusCode::ACCEPTED;
    // They are the monitor's, and mean nothing to who has just sent something to another URI.
    response.headers_mut().remove(ALLOW);
    insert(response.headers_mut(), LOCATION, &monitor.to_string());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after));
    response
}

/// Says which methods are allowed.
pub(super) fn allowed(response: &mut Response<Bytes>, route: &Route<'_>) {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(route.allow()));
}

/// Says that the client's preference for an answer at once was heeded (RFC 7240 section 3).
pub(super) fn preference_applied(response: &mut Response<Bytes>) {
    response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
}

/// 304: the client has this version.
pub(super) fn not_modified(representation: &Representation) -> Response<Bytes> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    headers.reserve(3);
    headers.insert(VARY, NEGOTIATED);
    headers.insert(ETAG, representation.etag_header());
    response
}

/// 204.
pub(super) fn no_content() -> Response<Bytes> {
    empty(StatusCode::NO_CONTENT)
}

/// 204 with the methods that are allowed.
pub(super) fn options(route: &Route<'_>) -> Response<Bytes> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(route.allow()));
    response
}

/// 204 with the methods that any resource allows.
pub(super) fn options_of_server() -> Response<Bytes> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS"));
    response
}

/// 308 to the canonical URI, for a read at a URI that is going out of use (RFC 9745).
pub(super) fn redirect(canonical: &str, query: Option<&str>) -> Response<Bytes> {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = moved(&format!("{canonical}{query}"));
    response.headers_mut().insert(DEPRECATION, HeaderValue::from_static("@1767225600"));
    response
}

/// What is said to whoever probes the service; never kept.
pub(super) fn probe(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    *response.headers_mut() = COMMON.clone();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 308 to another URL.
pub(super) fn moved(url: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    insert(response.headers_mut(), LOCATION, url);
    // To HEAD as well: it is the length that the answer to GET has.
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// A refusal with its messages.
pub(super) fn refusal(refusal: &Refusal) -> Response<Bytes> {
    let body = serde_json::to_vec(&ErrorBody::new(&refusal.messages)).unwrap_or_default();
    let mut response = with_body(refusal.status, body.into(), MediaType::Json, false);
    if let Some((name, value)) = &refusal.header {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

/// The same response as HEAD gives it: with the length of the body and without the body.
pub(super) fn without_body(mut response: Response<Bytes>) -> Response<Bytes> {
    let body = std::mem::take(response.body_mut());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    response
}

/// Adds what depends on the connection and on where the request came from, not on what it is about.
pub(super) fn finish(mut response: Response<Bytes>, head: &Parts, peer: Peer, bearer_tokens: bool) -> Response<Bytes> {
    // A field of its own after that for passwords: many clients understand the first challenge and nothing else.
    if bearer_tokens && response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Redfish\""));
    }
    let headers = response.headers_mut();
    if peer.secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if let Some(origin) = same_origin(head, peer.secure) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

fn with_body(status: StatusCode, body: Bytes, media_type: MediaType, charset: bool) -> Response<Bytes> {
    let mut response = empty(status);
    *response.body_mut() = body;
    response.headers_mut().insert(CONTENT_TYPE, content_type(media_type, charset));
    response
}

fn content_type(media_type: MediaType, charset: bool) -> HeaderValue {
    HeaderValue::from_static(if charset { media_type.content_type_with_charset() } else { media_type.content_type() })
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    *response.headers_mut() = COMMON.clone();
    response
}

/// The headers of every answer. To copy them costs a fraction of what it costs to insert each.
static COMMON: LazyLock<HeaderMap> = LazyLock::new(|| {
    // With room in its index for what is added to a copy.
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(SERVER, HeaderValue::from_static("kubevirt-redfish"));
    // No answer is a page: whatever a browser makes of it, nothing in it is to run or to be framed.
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
});

/// Inserts a value that is made of safe characters; one that is not would be left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Some proxies collect a response before they pass it on, unless it says that they should not.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The request headers that an answer depends on.
const NEGOTIATED: HeaderValue = HeaderValue::from_static("accept, accept-encoding, origin");
