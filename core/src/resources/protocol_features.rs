//! What the service root says of the queries that are understood. Schema `ServiceRoot`, object
//! `ProtocolFeaturesSupported`.

use serde::Serialize;

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the schema's members are")]
pub(super) struct ProtocolFeatures {
    excerpt_query: bool,
    expand_query: ExpandQuery,
    filter_query: bool,
    filter_query_comparison_operations: bool,
    filter_query_compound_operations: bool,
    include_origin_of_condition_query: bool,
    #[serde(rename = "MultipleHTTPRequests")]
    multiple_http_requests: bool,
    only_member_query: bool,
    select_query: bool,
    top_skip_query: bool,
    deep_operations: DeepOperations,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the schema's members are")]
struct ExpandQuery {
    expand_all: bool,
    levels: bool,
    links: bool,
    max_levels: u8,
    no_links: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct DeepOperations {
    #[serde(rename = "DeepPATCH")]
    patch: bool,
    #[serde(rename = "DeepPOST")]
    post: bool,
}

impl ProtocolFeatures {
    /// What `query` does.
    pub(super) const SUPPORTED: Self = Self {
        excerpt_query: true,
        expand_query: ExpandQuery {
            expand_all: true,
            levels: true,
            links: true,
            max_levels: MAX_LEVELS,
            no_links: true,
        },
        filter_query: true,
        filter_query_comparison_operations: true,
        filter_query_compound_operations: true,
        include_origin_of_condition_query: false,
        multiple_http_requests: true,
        only_member_query: true,
        select_query: true,
        top_skip_query: true,
        deep_operations: DeepOperations { patch: false, post: false },
    };
}

/// How many levels `$expand` follows: from the service root to the deepest resources there are. What keeps answers
/// small is not this but their own limits.
pub(crate) const MAX_LEVELS: u8 = 6;
