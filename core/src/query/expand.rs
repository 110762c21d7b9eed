//! `$expand` (DSP0266 clause 7.3.1): which references are replaced by what they lead to.

use super::parse::{bad_request, format_error, out_of_range};
use crate::http::Refusal;
use crate::messages::{Message, base};
use crate::resources::MAX_LEVELS;

/// Which references are followed, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expand {
    pub(super) followed: Followed,
    /// At least one.
    pub(super) levels: u8,
}

/// Which references are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// `*`
    All,
    /// `.`
    OutsideLinks,
    /// `~`
    InsideLinks,
}

impl Expand {
    /// Understands the value of `$expand`, already decoded.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = || format_error(text, NAME);
        let mut rest = text.trim().chars();
        let followed = match rest.next().ok_or_else(malformed)? {
            '*' => Followed::All,
            '.' => Followed::OutsideLinks,
            '~' => Followed::InsideLinks,
            _ => return Err(malformed()),
        };
        let rest = rest.as_str();
        if rest.is_empty() {
            return Ok(Self { followed, levels: 1 });
        }
        let number = rest.strip_prefix("($levels=").and_then(|rest| rest.strip_suffix(')')).ok_or_else(malformed)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_TYPE_ERROR, [number, "$levels"])));
        }
        match number.parse() {
            Ok(levels @ 1..=MAX_LEVELS) => Ok(Self { followed, levels }),
            _ => Err(out_of_range(number, "$levels", &format!("1 to {MAX_LEVELS}"))),
        }
    }

    /// Whether references are followed in what references lead to.
    pub(super) fn goes_deep(self) -> bool {
        self.levels > 1
    }
}

impl Followed {
    /// Whether references at a place are followed.
    pub(super) fn includes(self, place: Place) -> bool {
        match self {
            Self::All => true,
            Self::OutsideLinks => place == Place::Elsewhere,
            Self::InsideLinks => place == Place::Links,
        }
    }
}

/// Where in a resource a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Within a property `Links`.
    Links,
    Elsewhere,
}

impl Place {
    /// The place of a member of what is here.
    pub(super) fn member(self, name: &str) -> Self {
        if name == "Links" { Self::Links } else { self }
    }
}

const NAME: &str = "$expand";
