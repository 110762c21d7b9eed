//! User names: which can be chosen, which are borne with, and which cannot be used.

/// What is to be said of a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserNameForm {
    /// 1 to 64 letters and digits of ASCII and `.`, `_`, `@`, `+`, `-`, the first a letter, a digit or `_`: names for new
    /// accounts. No two of them look alike, but for what fonts do to `l`, `I` and `1`.
    Plain,
    /// It works, and may be mistaken for another one.
    Unusual,
    /// It cannot be sent, as with a colon, or not be seen as what it is, as with a space at its end.
    Unusable,
}

impl UserNameForm {
    /// What is to be said of `text`.
    pub fn of(text: &str) -> Self {
        if is_plain(text) {
            return Self::Plain;
        }
        let is_hidden = |c: char| c.is_control() || is_invisible(c) || (c.is_whitespace() && c != ' ');
        let length = text.chars().count();
        // Basic authentication ends a user name with a colon (RFC 7617).
        if (1..=LONGEST_USER_NAME).contains(&length)
            && text.trim() == text
            && !text.contains(':')
            && !text.contains(is_hidden)
        {
            Self::Unusual
        } else {
            Self::Unusable
        }
    }
}

fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (1..=LONGEST_USER_NAME).contains(&bytes.len())
        && bytes.first().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(byte) || matches!(byte, b'.' | b'@' | b'+' | b'-'))
}

/// What Unicode says is not shown (`Default_Ignorable_Code_Point`), and what turns the direction of a text.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The longest user name, in characters.
const LONGEST_USER_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use UserNameForm::{Plain, Unusable, Unusual};

    /// L6: `admin` stood beside `admin ` and `admin\u{200b}`.
    #[test]
    fn names_are_told_apart() {
        for name in ["admin", "a", "_x", "7of9", "jane.doe@example.com", "a+b", "a-b_c", &"x".repeat(64)] {
            assert_eq!(UserNameForm::of(name), Plain, "{name}");
        }
        for name in
            ["ad min", "\u{430}dmin", "k\u{e4}se", "-a", ".a", "@a", "..", "a/b", "a\\b", "a%20", "<a>", "a\u{301}"]
        {
            assert_eq!(UserNameForm::of(name), Unusual, "{name}");
        }
        for name in [
            "",
            " ",
            "admin ",
            " admin",
            "admin\u{200b}",
            "a:b",
            "a\0",
            "a\n",
            "a\u{a0}b",
            "\u{202e}nimda",
            "\u{3164}",
            "a\u{ad}b",
            "a\u{2028}b",
            &"x".repeat(65),
        ] {
            assert_eq!(UserNameForm::of(name), Unusable, "{name:?}");
        }
    }
}
