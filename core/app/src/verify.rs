//! Checking passwords against hashes, and computing hashes: slow on purpose, and therefore away from the threads that serve.
//!
//! How many are worked on at a time is the core's business. What argon2 works in is made once for each of these and used
//! again, until the core says that it is not needed: blocks of that size, made anew for every guess, never go back to the
//! operating system.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use kubevirt_redfish_core::config::{self, HashCost};
use kubevirt_redfish_core::{PasswordCheck, PasswordResult, PasswordTask, PasswordWork, PasswordWorkId};
use tokio::sync::mpsc;

use crate::runtime::Runtime;

/// Passwords that are being worked on.
#[derive(Debug)]
pub struct Passwords {
    /// Each work says once what came of it; how many there are is the engine's to say.
    results: (mpsc::UnboundedSender<Found>, mpsc::UnboundedReceiver<Found>),
    memory: Memory,
}

/// What came of a work.
type Found = (PasswordWorkId, PasswordResult);

/// Memory that nobody works in at the moment.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

/// No work yet.
impl Default for Passwords {
    fn default() -> Self {
        Self { results: mpsc::unbounded_channel(), memory: Memory::default() }
    }
}

impl Passwords {
    /// Begins to work on a password.
    pub fn start<R: Runtime>(&mut self, work: PasswordWork) {
        let (memory, results) = (self.memory.clone(), self.results.0.clone());
        // It goes on if nobody waits for it.
        drop(R::spawn_blocking(move || {
            let PasswordWork { id, task } = work;
            // Should the work end by a panic, what is waited for is still answered.
            let failed = match task {
                PasswordTask::Verify(_) => PasswordResult::Verified(false),
                PasswordTask::Hash(_) => PasswordResult::Hashed(None),
            };
            let result = std::panic::catch_unwind(move || memory.work(&task)).unwrap_or(failed);
            // Nobody listens any more when everything ends.
            let _ = results.send((id, result));
        }));
    }

    /// Waits for work to end.
    pub async fn next_end(&mut self) -> Found {
        match self.results.1.recv().await {
            Some(found) => found,
            // There is always a sender: the one of this.
            None => std::future::pending().await,
        }
    }

    /// Work that has ended, if some has.
    pub fn try_next_end(&mut self) -> Option<Found> {
        self.results.1.try_recv().ok()
    }

    /// Gives memory back that is not worked in.
    pub fn release_memory(&self) {
        drop(self.memory.take_all());
    }
}

/// The hash of a password, as a configuration may have it; `None` if it cannot be computed.
pub(crate) fn hash_of(password: &[u8]) -> Option<config::PasswordHash> {
    Memory::default().hash_of(password)
}

impl Memory {
    fn work(&self, task: &PasswordTask) -> PasswordResult {
        match task {
            PasswordTask::Verify(check) => PasswordResult::Verified(self.is_right(check).unwrap_or(false)),
            PasswordTask::Hash(password) => PasswordResult::Hashed(self.hash_of(password.expose())),
        }
    }

    /// Whether a password is right; `None` if there is no telling, because its hash is none.
    fn is_right(&self, check: &PasswordCheck) -> Option<bool> {
        let (hash, password) = (check.hash.as_str(), check.password.expose());
        if !hash.starts_with("$argon2") {
            let bearable = bcrypt_cost(hash)?.is_bearable();
            // bcrypt repeats the password up to 72 bytes, with a zero after each: one with zeros in it may be another one.
            let is_one = !password.contains(&0);
            return Some(bearable && bcrypt::verify(password, hash).ok()? && is_one);
        }
        let hash = PasswordHash::new(hash).ok()?;
        let (argon2, params) = argon2_of(&hash)?;
        let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
        if !cost_of(&params).is_bearable() {
            return Some(false);
        }
        let computed = self.compute(&argon2, &params, password, salt, expected.len())?;
        // The comparison takes the same time whatever is compared.
        Some(computed == *expected)
    }

    fn hash_of(&self, password: &[u8]) -> Option<config::PasswordHash> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).ok()?;
        let (argon2, params) = (Argon2::default(), Params::default());
        let output = self.compute(&argon2, &params, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
        let hash = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: (&params).try_into().ok()?,
            salt: Some(argon2::password_hash::phc::Salt::new(&salt).ok()?),
            hash: Some(output),
        };
        Some(config::PasswordHash::new(&hash.to_string()))
    }

    fn compute(
        &self,
        argon2: &Argon2<'_>,
        params: &Params,
        password: &[u8],
        salt: &[u8],
        length: usize,
    ) -> Option<Output> {
        let mut blocks = self.take();
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length)?;
        let computed = argon2.hash_password_into_with_memory(password, salt, output, &mut blocks);
        self.give_back(blocks);
        computed.ok().and_then(|()| Output::new(output).ok())
    }

    fn take(&self) -> Vec<Block> {
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unused.pop().unwrap_or_else(|| Vec::with_capacity(RESERVED))
    }

    fn give_back(&self, blocks: Vec<Block>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
    }

    fn take_all(&self) -> Vec<Vec<Block>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What it costs to check a password against a hash of argon2; `None` if it is none.
pub(crate) fn argon2_cost(hash: &str) -> Option<HashCost> {
    let hash = PasswordHash::new(hash).ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some())?;
    argon2_of(&hash).map(|(_, params)| cost_of(&params))
}

/// The same of bcrypt.
pub(crate) fn bcrypt_cost(hash: &str) -> Option<HashCost> {
    hash.parse::<bcrypt::HashParts>().ok().map(|parts| HashCost::Bcrypt { cost: parts.get_cost() })
}

fn argon2_of(hash: &PasswordHash) -> Option<(Argon2<'static>, Params)> {
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or_else(|| Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(hash).ok()?;
    Some((Argon2::new(algorithm, version, params.clone()), params))
}

fn cost_of(params: &Params) -> HashCost {
    HashCost::Argon2 { memory: params.m_cost(), passes: params.t_cost() }
}

/// Blocks of 1 KiB for which there is room at once, though only those that are used take any memory: an allocation of
/// more than 32 MiB is one that allocators take from the operating system, and give back to it as a whole.
const RESERVED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;
    use kubevirt_redfish_core::config::Secret;

    use super::*;

    fn is_right(hash: &str, password: &[u8]) -> bool {
        let check = PasswordCheck { hash: config::PasswordHash::new(hash), password: Secret::new(password) };
        Memory::default().work(&PasswordTask::Verify(check)) == PasswordResult::Verified(true)
    }

    fn argon2(password: &[u8], memory: u32) -> String {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(memory, 2, 1, None).unwrap());
        let hash: PasswordHash = argon2.hash_password_with_salt(password, b"salted enough").unwrap();
        hash.to_string()
    }

    #[test]
    fn both_kinds_of_hash() {
        let bcrypt = bcrypt::hash("correct", 4).unwrap();
        let argon2 = argon2(b"correct", 16);
        assert!(is_right(&bcrypt, b"correct") && !is_right(&bcrypt, b"wrong"));
        assert!(is_right(&argon2, b"correct") && !is_right(&argon2, b"wrong"));
        let own = Memory::default().hash_of(b"correct").unwrap();
        assert!(own.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && is_right(own.as_str(), b"correct"));
        assert!(!is_right(own.as_str(), b"wrong") && own != Memory::default().hash_of(b"correct").unwrap());
        assert!(!is_right("", b"") && !is_right("$argon2id$", b"") && !is_right("$2b$", b""));
    }

    #[test]
    fn other_hashes_of_argon2_are_understood() {
        // The reference implementation's own, each of `password`.
        for hash in [
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ] {
            assert!(is_right(hash, b"password") && !is_right(hash, b"passwore"), "{hash}");
        }
    }

    /// D2: whatever was computed before, in memory of whatever size, the result is the same.
    #[test]
    fn memory_is_used_again() {
        let memory = Memory::default();
        for size in [64, 16, 256, 16, 64] {
            let hash = config::PasswordHash::new(&argon2(b"correct", size));
            for (password, right) in [(&b"wrong"[..], false), (b"correct", true)] {
                let check = PasswordCheck { hash: hash.clone(), password: Secret::new(password) };
                assert_eq!(memory.is_right(&check), Some(right), "{size}");
            }
        }
        let kept = memory.take_all();
        assert_eq!(kept.iter().map(Vec::len).collect::<Vec<_>>(), [256], "one after the other needs it once");
    }

    /// L6's neighbours: bcrypt alone would take `a\0a` for `a`.
    #[test]
    fn a_password_with_zeros_is_no_other_one() {
        let (bcrypt, short, with_zero) = (bcrypt::hash("a", 4).unwrap(), argon2(b"a", 16), argon2(b"a\0b", 16));
        for password in [&b"a\0"[..], b"a\0a", b"\0a", b"a\0b", b"", b"\0"] {
            assert!(!is_right(&bcrypt, password) && !is_right(&short, password), "{password:?}");
        }
        assert!(is_right(&with_zero, b"a\0b"));
        let long = vec![b'x'; 10_000];
        assert!(!is_right(&bcrypt, &long) && !is_right(&short, &long));
    }

    /// D2: a hash that somebody wrote into what is stored costs nothing.
    #[test]
    fn what_costs_too_much_is_not_computed() {
        let begin = std::time::Instant::now();
        let bcrypt = format!("$2b$31${}", &bcrypt::hash("a", 4).unwrap()[7..]);
        let argon2 = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let slow = argon2.replace("m=4194304,t=2", "m=64,t=4194304");
        for hash in [bcrypt.as_str(), argon2, &slow] {
            assert!(!is_right(hash, b"a"), "{hash}");
        }
        assert!(begin.elapsed().as_secs() < 5);
    }
}
