//! Entity tags (RFC 9110 section 8.8.3): strong, and equal on every replica because they are made of what is shown.
//!
//! A tag has three parts. All together change with every byte of a representation, as a strong tag does; so `If-None-Match`
//! never hides anything, and a client that polls sees each power state. What a change is conditional upon is less: whether
//! somebody else has changed what can be changed. `If-Match` of a change therefore compares the part that is made of the
//! *settings* alone; a machine that has been turned off meanwhile is the same machine with the same settings. "Because the
//! service knows whether the new version of the object is substantially different" (DSP0266 clause 6.5), this is what
//! counts as different for a writer. Whatever a tag was read with, it still protects every setting from being overwritten
//! unseen, which is what `If-Match` is for (RFC 9110 section 13.1.1).
//!
//! The third part is of a setting that ends by itself, such as a boot override for one boot. Who has seen it has to reckon
//! with its end, and no one has changed anything then: so the tag still counts when it is over, but not when there is
//! another one.

use std::fmt;
use std::hash::{Hash, Hasher as _};

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

/// A strong entity tag: 24 hexadecimal digits in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ETag {
    /// What can be changed.
    settings: u32,
    /// What can be changed and ends by itself; zero if there is no such thing at present.
    passing: u16,
    /// All that is shown: 48 bits.
    shown: u64,
}

impl ETag {
    /// The tag of a representation in which everything counts as a setting.
    pub(crate) fn of(body: &[u8]) -> Self {
        let hash = xxh3_128(body);
        #[expect(clippy::cast_possible_truncation, reason = "the bits that are wanted")]
        Self { settings: (hash >> 96) as u32, passing: 0, shown: hash as u64 & SHOWN }
    }

    /// The same of one of which only some can be changed: `lasting` until it is changed again, `passing` until it ends by
    /// itself. While there is something of the latter, `lasting` is what will be so afterwards.
    pub(crate) fn with_settings(self, lasting: &impl Hash, passing: Option<&impl Hash>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the bits that are wanted")]
        Self {
            settings: hash_of(lasting) as u32,
            passing: passing.map_or(0, |passing| (hash_of(passing) as u16).max(1)),
            ..self
        }
    }

    /// The tag of something that is made of several.
    pub(crate) fn of_all(tags: &[Self]) -> Self {
        let text: String = tags.iter().map(ToString::to_string).collect();
        Self::of(text.as_bytes())
    }

    /// Whether whoever has read this knows every setting as it is in `now`.
    fn knows_settings_of(self, now: Self) -> bool {
        self.settings == now.settings && (now.passing == 0 || self.passing == now.passing)
    }

    /// Reads what stands between the quotes.
    fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != DIGITS {
            return None;
        }
        // As they are printed, and in no other way: in lower case.
        let number = |from, to| {
            text.get(from..to)?.iter().try_fold(0_u64, |number, digit| {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                Some(number << 4 | u64::from(value))
            })
        };
        Some(Self {
            settings: number(0, 8)?.try_into().ok()?,
            passing: number(8, 12)?.try_into().ok()?,
            shown: number(12, DIGITS)?,
        })
    }

    /// The digits, without quotes.
    pub(crate) fn digits(self) -> [u8; DIGITS] {
        let mut text = [0; DIGITS];
        let (first, last) = text.split_at_mut(DIGITS / 2);
        print(first, u64::from(self.settings) << 16 | u64::from(self.passing));
        print(last, self.shown);
        text
    }

    /// As it stands in a header.
    pub(crate) fn header(self) -> HeaderValue {
        let mut text = [b'"'; DIGITS + 2];
        if let Some(place) = text.get_mut(1..=DIGITS) {
            place.copy_from_slice(&self.digits());
        }
        // Quotes and digits can stand in a header.
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        write!(f, "\"{}\"", str::from_utf8(&digits).unwrap_or_default())
    }
}

/// Fills a place with the last hexadecimal digits of a number.
fn print(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        let value = (number & 0xf) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        number >>= 4;
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = Xxh3Default::new();
    value.hash(&mut hasher);
    // Once more: a value that hashes to nothing is not to be told from the bits.
    xxh3_64(&hasher.finish().to_be_bytes())
}

/// How many digits a tag has.
pub(crate) const DIGITS: usize = 24;

/// 48 bits.
const SHOWN: u64 = (1 << 48) - 1;

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// These, as far as they can be tags of this service.
    Listed(Vec<ETag>),
}

/// A header is no list of entity tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Tags {
    /// What `If-Match` names, if it is there.
    pub(crate) fn if_match(headers: &HeaderMap) -> Option<Result<Self, Malformed>> {
        Self::of(headers, &IF_MATCH)
    }

    /// What `If-None-Match` names, if it is there.
    pub(crate) fn if_none_match(headers: &HeaderMap) -> Option<Result<Self, Malformed>> {
        Self::of(headers, &IF_NONE_MATCH)
    }

    /// Whether it names exactly what is shown. Compares weakly (RFC 9110 section 8.8.3.2): proxies that compress make a
    /// strong tag a weak one, and clients send that back.
    pub(crate) fn name(&self, shown: ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.contains(&shown),
        }
    }

    /// Whether it names something that has the settings of `now`.
    pub(crate) fn name_settings(&self, now: ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.knows_settings_of(now)),
        }
    }

    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Result<Self, Malformed>> {
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        Some(Self::parse(values))
    }

    fn parse<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Result<Self, Malformed> {
        let (mut tags, mut any, mut listed) = (Vec::new(), false, false);
        for value in values {
            let mut rest = value.to_str().map_err(|_| Malformed)?.trim_start_matches([' ', '\t', ',']);
            while !rest.is_empty() {
                rest = if let Some(rest) = rest.strip_prefix('*') {
                    any = true;
                    rest
                } else {
                    let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"').ok_or(Malformed)?;
                    let (tag, rest) = quoted.split_once('"').ok_or(Malformed)?;
                    if tag.contains([' ', '\t']) {
                        return Err(Malformed);
                    }
                    listed = true;
                    tags.extend(ETag::parse(tag));
                    rest
                };
                // Between two of them stands a comma, and perhaps several.
                let next = rest.trim_start_matches([' ', '\t', ',']);
                if !next.is_empty() && !rest.get(..rest.len() - next.len()).is_some_and(|gap| gap.contains(',')) {
                    return Err(Malformed);
                }
                rest = next;
            }
        }
        match (any, listed) {
            (true, false) => Ok(Self::Any),
            (false, true) => Ok(Self::Listed(tags)),
            (true, true) | (false, false) => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(values: &[&str]) -> Option<Result<Tags, Malformed>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        Tags::if_match(&headers)
    }

    #[test]
    fn a_tag_is_read_back_as_printed() {
        let tag = ETag::of(b"body").with_settings(&1, Some(&2));
        assert_eq!(tag.to_string().len(), DIGITS + 2);
        assert_eq!(ETag::parse(tag.to_string().trim_matches('"')), Some(tag));
        for text in ["", "abc", "+0000000000000000000000a", "0000000000000000000000000", "ABCDEFABCDEFABCDEFABCDEF"] {
            assert_eq!(ETag::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_listed_are_tags_and_nothing_else() {
        let etag = ETag::of(b"body");
        let names = |values: &[&str]| tags(values).map(|tags| tags.map(|tags| tags.name(etag)));
        let tag = etag.to_string();
        assert_eq!(names(&[]), None);
        for values in [
            &[tag.as_str()][..],
            &[&format!("W/{tag}")],
            &[&format!("\"x\", {tag}")],
            &[&format!("{tag},W/\"x,y\"")],
            &[&format!(" , {tag} ,, ")],
            &["\"x\"", &tag],
            &["*"],
            &[" * "],
        ] {
            assert_eq!(names(values), Some(Ok(true)), "{values:?}");
        }
        for values in [&["\"x\""][..], &["\"\""], &["W/\"x\"", "\"y\""], &[&tag.to_uppercase()]] {
            assert_eq!(names(values), Some(Ok(false)), "{values:?}");
        }
        for values in [
            &[""][..],
            &[","],
            &["x"],
            &[tag.trim_matches('"')],
            &[&format!("{tag}foobar")],
            &[&format!("{tag} {tag}")],
            &[&format!("{tag}, junk")],
            &["\"x"],
            &["w/\"x\""],
            &["W\"x\""],
            &["\"a b\""],
            &["*, \"x\""],
            &["*", "\"x\""],
            &["\"\u{e4}\""],
        ] {
            assert_eq!(names(values), Some(Err(Malformed)), "{values:?}");
        }
    }

    #[test]
    fn a_writer_has_to_know_the_settings_and_no_more() {
        let shown =
            |body: &[u8], lasting: u8, passing: Option<u8>| ETag::of(body).with_settings(&lasting, passing.as_ref());
        let names = |read: ETag, now: ETag| {
            let read = Tags::Listed(vec![read]);
            (read.name(now), read.name_settings(now))
        };
        let off = shown(b"off", 1, None);
        assert_eq!(names(off, off), (true, true));
        assert_eq!(names(off, shown(b"on", 1, None)), (false, true));
        assert_eq!(names(off, shown(b"off", 2, None)), (false, false));
        // What ends by itself may have ended, but nobody may have begun it, or another one.
        let once = shown(b"once", 1, Some(1));
        assert_eq!(names(once, off), (false, true));
        assert_eq!(names(once, shown(b"once, and on", 1, Some(1))), (false, true));
        assert_eq!(names(off, once), (false, false));
        assert_eq!(names(once, shown(b"another", 1, Some(2))), (false, false));
        assert_eq!(names(once, shown(b"off", 2, None)), (false, false));
    }
}
