//! The client side of SNTP (RFC 4330): one datagram to a server, one back, and how far the own clock is off.

use std::time::Duration;

/// The port of time servers.
pub const PORT: u16 = 123;

/// The length of both datagrams.
pub const LENGTH: usize = 48;

/// Leap indicator 0, version 4, mode 3: a client.
const CLIENT: u8 = 0b00_100_011;

/// The mode of a server's answer.
const SERVER: u8 = 4;

/// Seconds from 1900 to 1970.
const EPOCH: u64 = 2_208_988_800;

/// The question. `nonce` is random, and comes back in the answer: who cannot see the question cannot answer it.
pub fn question(nonce: [u8; 8]) -> [u8; LENGTH] {
    let mut datagram = [0; LENGTH];
    datagram[0] = CLIENT;
    datagram[40..].copy_from_slice(&nonce);
    datagram
}

/// How many seconds have to be added to the own clock, by an answer to the question with that nonce. `sent` and
/// `received` are what the own clock said then, since 1970. `None` if it is no answer, or the server does not know.
pub fn correction(answer: &[u8], nonce: [u8; 8], sent: Duration, received: Duration) -> Option<i64> {
    let answer: &[u8; LENGTH] = answer.get(..LENGTH)?.try_into().ok()?;
    let (leap, version, mode, stratum) = (answer[0] >> 6, (answer[0] >> 3) & 7, answer[0] & 7, answer[1]);
    let knows = leap != 3 && (1..16).contains(&stratum) && (1..=4).contains(&version);
    if mode != SERVER || !knows || answer[24..32] != nonce {
        return None;
    }
    let arrived = time(&answer[32..40])?;
    let left = time(&answer[40..48])?;
    // As if both ways took the same time.
    let own = sent.as_millis().midpoint(received.as_millis());
    let server = arrived.as_millis().midpoint(left.as_millis());
    let difference = i64::try_from(server).ok()? - i64::try_from(own).ok()?;
    // To the nearest second.
    Some((difference + difference.signum() * 500) / 1000)
}

/// Reads a time stamp: 32 bits of seconds, 32 bits of a second's fraction. Those before 1968 are after 2036.
fn time(bytes: &[u8]) -> Option<Duration> {
    let stamp = u64::from_be_bytes(bytes.try_into().ok()?);
    let (seconds, fraction) = (stamp >> 32, stamp & 0xffff_ffff);
    let seconds = if seconds & 0x8000_0000 == 0 { seconds + (1 << 32) } else { seconds };
    let since_1970 = seconds.checked_sub(EPOCH).filter(|_| stamp != 0)?;
    Some(Duration::new(since_1970, u32::try_from((fraction * 1_000_000_000) >> 32).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(nonce: [u8; 8], seconds: u64) -> [u8; LENGTH] {
        let mut datagram = [0; LENGTH];
        datagram[..2].copy_from_slice(&[0b00_100_100, 2]);
        datagram[24..32].copy_from_slice(&nonce);
        for place in [32..40, 40..48] {
            let stamp = ((seconds + EPOCH) & 0xffff_ffff) << 32 | 0x8000_0000;
            datagram[place].copy_from_slice(&stamp.to_be_bytes());
        }
        datagram
    }

    #[test]
    fn the_difference_is_taken_in_the_middle() {
        let at = Duration::from_millis;
        let nonce = *b"question";
        assert_eq!(question(nonce)[40..], nonce);
        // The server says 1000.5 s when it is between 990 s and 991 s here.
        assert_eq!(correction(&answer(nonce, 1000), nonce, at(990_000), at(991_000)), Some(10));
        assert_eq!(correction(&answer(nonce, 1000), nonce, at(1_010_000), at(1_011_000)), Some(-10));
        assert_eq!(correction(&answer(nonce, 1000), nonce, at(1_000_300), at(1_000_600)), Some(0));
        // After 2036 the seconds begin anew.
        let later = 2_200_000_000;
        assert_eq!(correction(&answer(nonce, later), nonce, at(later * 1000), at(later * 1000)), Some(1));
    }

    #[test]
    fn answers_of_others_and_of_servers_that_do_not_know_are_none() {
        let nonce = *b"question";
        let none = |change: &dyn Fn(&mut [u8; LENGTH])| {
            let mut datagram = answer(nonce, 1000);
            change(&mut datagram);
            assert_eq!(correction(&datagram, nonce, Duration::ZERO, Duration::ZERO), None);
        };
        none(&|datagram| datagram[24] ^= 1);
        none(&|datagram| datagram[0] = CLIENT);
        none(&|datagram| datagram[0] |= 0xc0);
        none(&|datagram| datagram[1] = 0);
        none(&|datagram| datagram[40..].fill(0));
        assert_eq!(correction(&answer(nonce, 1000)[..47], nonce, Duration::ZERO, Duration::ZERO), None);
    }
}
