//! Randomness from the operating system, and what is made of it.

use xxhash_rust::xxh3::xxh3_128;

/// The operating system has no randomness to give, which happens on systems that are broken in other ways too.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no randomness: {0}")]
pub struct RandomError(#[from] getrandom::Error);

/// 32 bytes that nobody can guess.
pub fn entropy() -> Result<[u8; 32], RandomError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random number.
pub fn seed() -> Result<u64, RandomError> {
    Ok(getrandom::u64()?)
}

/// Letters and digits that cannot be mistaken for one another.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A password of 16 characters that can be read out over the telephone.
pub fn password() -> Result<String, RandomError> {
    let mut password = String::new();
    while password.len() < 16 {
        for byte in entropy()? {
            // Taking only what falls into the alphabet keeps every letter equally likely.
            if let Some(letter) = ALPHABET.get(usize::from(byte & 63)).filter(|_| password.len() < 16) {
                password.push(char::from(*letter));
            }
        }
    }
    Ok(password)
}

/// A UUID that is the same whenever it is made of the same parts (version 8 of RFC 9562).
pub fn uuid_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(part.as_bytes());
        text.push(0);
    }
    let bits = xxh3_128(&text);
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x8 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// A generator of numbers that need not be unguessable (splitmix64).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Numbers that follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Self::mix(self.0)
    }

    const fn mix(mut z: u64) -> u64 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_stable_and_well_formed() {
        assert_eq!(uuid_of(["a", "b"]), uuid_of(["a", "b"]));
        assert_ne!(uuid_of(["a", "b"]), uuid_of(["ab", ""]));
        let uuid = uuid_of(["simulated", "0"]);
        assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
    }

    #[test]
    fn passwords_are_long_and_unambiguous() {
        let password = password().unwrap();
        assert_eq!(password.len(), 16);
        assert!(password.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
