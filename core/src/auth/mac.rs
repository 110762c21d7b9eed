//! HMAC-SHA256: what tokens, remembered passwords and drawn numbers are made with.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The HMAC of some parts. Each is preceded by its length, so that no two lists of parts are the same message.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    Keyed::new(key).hmac(parts)
}

/// A key, and what is computed of it alone: for whoever uses it often.
#[derive(Clone)]
pub(crate) struct Keyed(Option<Hmac<Sha256>>);

impl Keyed {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // HMAC takes keys of any length, so this cannot fail; zeros would match nothing that was made properly.
        Self(Hmac::new_from_slice(key).ok())
    }

    /// The same as [`hmac`] with that key.
    pub(crate) fn hmac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let Some(mut mac) = self.0.clone() else { return [0; 32] };
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Numbers that nobody can guess, drawn from one secret that was given at the start.
pub(crate) struct Entropy {
    secret: [u8; 32],
    drawn: u64,
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Entropy {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret, drawn: 0 }
    }

    /// The next 32 bytes.
    pub(crate) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        hmac(&self.secret, &[b"draw", &self.drawn.to_be_bytes()])
    }

    /// A UUID that nothing else has (RFC 9562, version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let mut number = self.draw().iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        number = (number & !(0xf << 76)) | (0x4 << 76);
        number = (number & !(0x3 << 62)) | (0x2 << 62);
        uuid::Uuid::from_u128(number).to_string()
    }

    /// 16 hexadecimal digits: a name that nothing else has.
    pub(crate) fn name(&mut self) -> String {
        to_hex(&first_8(self.draw()))
    }
}

/// The first eight bytes.
pub(crate) fn first_8(bytes: [u8; 32]) -> [u8; 8] {
    let mut first = [0; 8];
    for (place, byte) in first.iter_mut().zip(bytes) {
        *place = byte;
    }
    first
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for; `None` if these are not so many.
pub(crate) fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    let mut all = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.as_chunks().0) {
        let [high, low] = pair.map(digit);
        *byte = (high << 4) | low;
        all |= high | low;
    }
    (all < 16).then_some(bytes)
}

/// What a digit stands for; more than fifteen if it is none.
const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 0xff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_go_both_ways() {
        assert_eq!(from_hex::<3>(b"00fFa0"), Some([0, 255, 160]));
        assert_eq!(to_hex(&[0, 255, 160]), "00ffa0");
        for text in [&b""[..], b"00", b"00ff", b"00ffag", b"00ffa00", "00ffä0".as_bytes()] {
            assert_eq!(from_hex::<3>(text), None);
        }
    }

    #[test]
    fn parts_do_not_run_together_and_draws_differ() {
        assert_ne!(hmac(&[1; 32], &[b"ab", b"c"]), hmac(&[1; 32], &[b"a", b"bc"]));
        let mut entropy = Entropy::new([7; 32]);
        assert_ne!(entropy.draw(), entropy.draw());
    }
}
