//! Names and values of the parameters of a query, without their percent-encoding.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The name of a parameter without its percent-encoding; as it is, if what comes out is no text.
pub(crate) fn parameter_name(text: &str) -> Cow<'_, str> {
    decode(text).unwrap_or(Cow::Borrowed(text))
}

/// Undoes percent-encoding. `+` is a space, as in the queries that the libraries of Python and Go write.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let text = text.replace('+', " ");
        return percent_decode_str(&text).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}
