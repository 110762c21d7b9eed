//! Text that is shown to people, whoever wrote it.

/// Whether a text can be shown as it is: it has no control characters, and none that change the direction of writing, by
/// which it would look like another.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') || !text.chars().any(is_hidden)
}

/// The beginning of a text, of at most so many bytes, as it can be shown: white space is a space, what must not be shown is
/// replaced, and what was cut off is told by an ellipsis.
pub fn plain(text: &str, longest: usize) -> Box<str> {
    if text.len() <= longest && is_plain(text) {
        return text.into();
    }
    let shown: String = text.chars().take(longest.saturating_add(1)).map(shown).collect();
    if shown.len() <= longest {
        return shown.into();
    }
    format!("{}{ELLIPSIS}", shortened(&shown, longest.saturating_sub(ELLIPSIS.len_utf8()))).into()
}

/// The beginning of a text, of at most so many bytes.
pub fn shortened(text: &str, longest: usize) -> Box<str> {
    let end = (0..=longest.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default().into()
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

const ELLIPSIS: char = '…';

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_look_like_something_else_is_not_shown() {
        for (text, longest, expected) in [
            ("Rack 3", 6, "Rack 3"),
            ("Rack 3", 5, "Ra…"),
            ("über", 5, "über"),
            ("a\nb\tc", 9, "a b c"),
            ("boot\u{202e}osi.exe", 40, "boot\u{fffd}osi.exe"),
            ("\u{1b}[31mred", 40, "\u{fffd}[31mred"),
            ("\u{0}", 40, "\u{fffd}"),
            ("", 0, ""),
        ] {
            assert_eq!(&*plain(text, longest), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_plain_and_bounded(text in ".{0,40}", longest in 3_usize..40) {
            let shown = plain(&text, longest);
            prop_assert!(shown.len() <= longest && is_plain(&shown));
            prop_assert_eq!(&*plain(&shown, longest), &*shown);
        }
    }
}
