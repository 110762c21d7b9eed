//! From the query of a URI to what it asks for (DSP0266 clause 7.3).

use std::fmt::Write as _;

use http::StatusCode;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::expand::Expand;
use super::filter::{Filter, FilterError};
use super::select::Selection;
use crate::http::{Refusal, decode};
use crate::messages::{Message, base};
use crate::model::VmId;

/// What the query parameters of a read ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    pub(super) expand: Option<Expand>,
    pub(super) select: Option<Selection>,
    pub(super) filter: Option<Filter>,
    pub(super) top: Option<usize>,
    pub(super) skip: Option<usize>,
    /// The id of the member before the page, from a link that this service has made.
    pub(super) after: Option<String>,
    pub(super) only: bool,
    /// What the link to the next page has to repeat.
    pub(super) carried: String,
    /// Something was asked for at all.
    asks: bool,
}

/// A query parameter that the service knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Parameter {
    Expand,
    Select,
    Filter,
    Top,
    Skip,
    SkipToken,
    Only,
    Excerpt,
}

impl Query {
    /// Understands the query of a read.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut query = Self::default();
        let mut seen = Vec::new();
        for pair in pairs(text) {
            let (parameter, raw) = pair?;
            if seen.contains(&parameter) {
                return Err(bad_request(Message::new(&base::QUERY_COMBINATION_INVALID, [])));
            }
            seen.push(parameter);
            query.asks = true;
            query.take(parameter, raw)?;
        }
        // A token leads into the whole collection in its own order, and to the place itself.
        let misplaced = query.after.is_some() && (query.skip.is_some() || query.filter.is_some());
        if misplaced || query.only && seen.len() > 1 {
            return Err(bad_request(Message::new(&base::QUERY_COMBINATION_INVALID, [])));
        }
        Ok(query)
    }

    /// What a request other than a read may have as its query: nothing that the protocol gives a meaning to.
    pub(crate) fn refuse_for_write(text: &str) -> Result<(), Refusal> {
        match pairs(text).next() {
            None => Ok(()),
            Some(Ok(_)) => Err(bad_request(Message::new(&base::QUERY_NOT_SUPPORTED_ON_OPERATION, []))),
            Some(Err(refusal)) => Err(refusal),
        }
    }

    /// Whether the answer is the resource as it is.
    pub(super) fn is_plain(&self) -> bool {
        !self.asks
    }

    /// Whether it brings in other resources than the one that is asked for.
    pub(crate) fn expands(&self) -> bool {
        self.expand.is_some()
    }

    /// Whether it makes sense for collections only.
    pub(super) fn needs_collection(&self) -> bool {
        self.chooses_members() || self.only
    }

    /// Whether it says which of the members are wanted.
    pub(super) fn chooses_members(&self) -> bool {
        self.filter.is_some() || self.top.is_some() || self.skip.is_some() || self.after.is_some()
    }

    fn take(&mut self, parameter: Parameter, raw: Option<&str>) -> Result<(), Refusal> {
        let name = parameter.name();
        let decoded = decode(raw.unwrap_or_default());
        let value = decoded.as_deref().ok_or_else(|| format_error(raw.unwrap_or_default(), name))?;
        match parameter {
            Parameter::Expand => self.expand = Some(Expand::parse(value)?),
            Parameter::Select => self.select = Selection::parse(value)?,
            Parameter::Filter => {
                self.filter = Some(Filter::parse(value).map_err(|error| filter_refusal(error, value))?);
            }
            Parameter::Top => self.top = Some(number(value, name)?),
            Parameter::Skip => self.skip = Some(number(value, name)?),
            Parameter::SkipToken if value.parse::<VmId>().is_err() => return Err(format_error(value, name)),
            Parameter::SkipToken => self.after = Some(value.to_owned()),
            // Python's clients cannot send a parameter without `=`.
            Parameter::Only | Parameter::Excerpt if !value.is_empty() => return Err(format_error(value, name)),
            Parameter::Only => self.only = true,
            // None of the service's resources has an excerpt, so the whole resource is the answer.
            Parameter::Excerpt => {}
        }
        if matches!(parameter, Parameter::Expand | Parameter::Select | Parameter::Filter) {
            let separator = if self.carried.is_empty() { "" } else { "&" };
            // Writing to a string cannot fail.
            let _ = write!(self.carried, "{separator}{name}={}", utf8_percent_encode(value, QUERY_VALUE));
        }
        Ok(())
    }
}

impl Parameter {
    const ALL: [Self; 8] =
        [Self::Expand, Self::Select, Self::Filter, Self::Top, Self::Skip, Self::SkipToken, Self::Only, Self::Excerpt];

    fn name(self) -> &'static str {
        match self {
            Self::Expand => "$expand",
            Self::Select => "$select",
            Self::Filter => "$filter",
            Self::Top => "$top",
            Self::Skip => "$skip",
            Self::SkipToken => "$skiptoken",
            Self::Only => "only",
            Self::Excerpt => "excerpt",
        }
    }
}

/// What a filter is refused with.
pub(super) fn filter_refusal(error: FilterError, text: &str) -> Refusal {
    match error {
        FilterError::Malformed => format_error(text, Parameter::Filter.name()),
        FilterError::WrongType => {
            bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_TYPE_ERROR, [text, Parameter::Filter.name()]))
        }
        FilterError::TooComplex => {
            bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_ERROR, [Parameter::Filter.name()]))
        }
        FilterError::Unsupported => {
            let parameter = format!("{}={text}", Parameter::Filter.name());
            Refusal::new(StatusCode::NOT_IMPLEMENTED, Message::new(&base::QUERY_PARAMETER_UNSUPPORTED, [&parameter]))
        }
    }
}

pub(super) fn format_error(value: &str, parameter: &str) -> Refusal {
    bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_FORMAT_ERROR, [value, parameter]))
}

pub(super) fn out_of_range(value: &str, parameter: &str, range: &str) -> Refusal {
    bad_request(Message::new(&base::QUERY_PARAMETER_OUT_OF_RANGE, [value, parameter, range]))
}

pub(super) fn bad_request(message: Message) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

/// Reads a number that is not negative; one that is too large for the machine is larger than any collection anyway.
pub(super) fn number(value: &str, parameter: &str) -> Result<usize, Refusal> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_TYPE_ERROR, [value, parameter])));
    }
    let number = digits.parse().unwrap_or(usize::MAX);
    if value.starts_with('-') && number > 0 {
        return Err(out_of_range(value, parameter, "0 and above"));
    }
    Ok(number)
}

/// The known parameters with their values as they came. Names with `$` are reserved for the protocol: unknown ones are
/// an error, all others are to be ignored.
fn pairs(text: &str) -> impl Iterator<Item = Result<(Parameter, Option<&str>), Refusal>> {
    text.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let name = decode(name)?;
        match Parameter::ALL.into_iter().find(|parameter| parameter.name() == name) {
            Some(parameter) => Some(Ok((parameter, value))),
            None if name.starts_with('$') => {
                let message = Message::new(&base::QUERY_PARAMETER_UNSUPPORTED, [&name]);
                Some(Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, message)))
            }
            None => None,
        }
    })
}

/// What has to be encoded in a value of a query.
const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'[')
    .add(b']');

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(text: &str) -> u16 {
        Query::parse(text).map_or_else(|refusal| refusal.status.as_u16(), |_| 200)
    }

    #[test]
    fn parameters_are_understood_or_refused() {
        for (text, expected) in [
            ("", 200),
            ("&&", 200),
            ("foo=bar&only2", 200),
            ("$top=1&$skip=0", 200),
            ("%24top=1", 200),
            ("$expand=*", 200),
            ("$expand=.($levels=6)", 200),
            ("$expand=%2E%28%24levels%3D2%29", 200),
            ("$select=Name,Status/State", 200),
            ("$filter=Id%20eq%20%27a%27", 200),
            ("%24filter=Id+eq+%27a+b%27", 200),
            ("only", 200),
            ("only=", 200),
            ("excerpt", 200),
            ("only=foo", 400),
            ("excerpt=foo", 400),
            ("only&$top=1", 400),
            ("only&excerpt", 400),
            ("only&only", 400),
            ("$top=1&$top=2", 400),
            ("$top", 400),
            ("$top=a", 400),
            ("$top=-1", 400),
            ("$top=-", 400),
            ("$top=99999999999999999999999999", 200),
            ("$skip=1.5", 400),
            ("$skiptoken=lab.node-7", 200),
            ("$skiptoken=lab.node-7&$skip=1", 400),
            ("$skiptoken=lab.node-7&$filter=Id%20eq%20'a'", 400),
            ("$skiptoken=7", 400),
            ("$skiptoken", 400),
            ("$expand", 400),
            ("$expand=Members", 400),
            ("$expand=.($levels=0)", 400),
            ("$expand=.($levels=7)", 400),
            ("$expand=.($levels=x)", 400),
            ("$expand=.($levels=2", 400),
            ("$expand=.$levels=2", 400),
            ("$select=", 400),
            ("$select=Name,,Id", 400),
            ("$select=Status//State", 400),
            ("$select=Na me", 400),
            ("$filter=%ff", 400),
            ("$filter=contains(Id,'a')", 501),
            ("$orderby=Name", 501),
            ("%24foo", 501),
            ("$", 501),
            ("$Top=1", 501),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_in_the_same_words() {
        let text = "%24filter=Name+eq+%27a%26b%27&$top=3&x=y&$select=Name";
        let carried = Query::parse(text).expect("a query").carried;
        assert_eq!(carried, "$filter=Name%20eq%20'a%26b'&$select=Name");
        let again = Query::parse(&carried).expect("a query");
        assert_eq!(again.carried, carried);
    }

    proptest! {
        #[test]
        fn no_query_panics(text in "\\PC{0,60}", name in "(\\$top|\\$skip|\\$select|\\$expand|\\$filter|only|excerpt)") {
            let _ = Query::parse(&text);
            if let Ok(query) = Query::parse(&format!("{name}={text}")) {
                // What is repeated in the link to the next page reads back as the same.
                let again = Query::parse(&query.carried).expect("a query");
                prop_assert_eq!(again.carried, query.carried);
            }
        }
    }
}
