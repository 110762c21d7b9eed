//! Responses, with the headers that DSP0266 clause 8.2 asks of each.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LINK, LOCATION, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::http::{Content, MediaType, Refusal, Representation};
use crate::messages::ErrorBody;
use crate::resources;
use crate::route::Route;

/// 200 with a resource. `canonical` is its URI where the request came by another one.
pub(super) fn representation(
    route: &Route<'_>,
    representation: Representation,
    canonical: Option<&str>,
    charset: bool,
) -> Response<Bytes> {
    let media_type = representation.content.media_type();
    let etag = representation.etag;
    let content = representation.content;
    let mut response = with_body(StatusCode::OK, representation.body, media_type, charset);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(resources::allow(route)));
    insert(headers, ETAG, &etag.to_string());
    if let Content::Resource(schema) = content {
        headers.append(LINK, HeaderValue::from_static(schema.described_by));
    }
    if let Some(canonical) = canonical
        && let Ok(value) = HeaderValue::from_str(&format!("<{canonical}>; rel=\"canonical\""))
    {
        headers.append(LINK, value);
    }
    response
}

/// 201 with a resource that was made, and where it is.
pub(super) fn created(route: &Route<'_>, resource: Representation, charset: bool) -> Response<Bytes> {
    let mut response = representation(route, resource, None, charset);
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

/// 304: the client has this version.
pub(super) fn not_modified(representation: &Representation) -> Response<Bytes> {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    insert(response.headers_mut(), ETAG, &representation.etag.to_string());
    response
}

/// 204.
pub(super) fn no_content() -> Response<Bytes> {
    empty(StatusCode::NO_CONTENT)
}

/// 204 with the methods that are allowed.
pub(super) fn options(route: &Route<'_>) -> Response<Bytes> {
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(resources::allow(route)));
    response
}

/// 308 to the canonical URI, for a read at a URI that is going out of use (RFC 9745).
pub(super) fn redirect(canonical: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    insert(response.headers_mut(), LOCATION, canonical);
    response.headers_mut().insert(DEPRECATION, HeaderValue::from_static("@1767225600"));
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

fn with_body(status: StatusCode, body: Bytes, media_type: MediaType, charset: bool) -> Response<Bytes> {
    let mut response = empty(status);
    *response.body_mut() = body;
    let content_type = if charset { media_type.content_type_with_charset() } else { media_type.content_type() };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(SERVER, HeaderValue::from_static("kubevirt-redfish"));
    headers.insert(NO_SNIFF, HeaderValue::from_static("nosniff"));
    response
}

/// Inserts a value that is made of safe characters; one that is not would be left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");
