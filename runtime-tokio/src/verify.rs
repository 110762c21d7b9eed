//! Checking passwords against hashes, and computing hashes: slow on purpose, and therefore away from the threads that serve.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use kubevirt_redfish_core::PasswordCheck;
use kubevirt_redfish_core::config::{self, Secret};
use tokio::sync::Semaphore;

/// Checks passwords, a few at a time: a flood of wrong ones must not take every processor and all the memory.
#[derive(Clone, Debug)]
pub struct Verifier {
    permits: Arc<Semaphore>,
}

impl Verifier {
    /// A verifier that works on at most `concurrency` passwords at a time.
    pub fn new(concurrency: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(concurrency.max(1))) }
    }

    /// Whether the password is right. Whatever goes wrong, it is not.
    pub async fn verify(&self, check: PasswordCheck) -> bool {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return false;
        };
        let verified = tokio::task::spawn_blocking(move || {
            // Held by the work rather than by who waits for it: a client that hangs up does not stop the work.
            let _permit = permit;
            is_right(check.hash.as_str(), check.password.expose())
        });
        verified.await.unwrap_or(false)
    }

    /// The hash of a password: argon2id with a salt of its own. `None` if the system has no randomness to give.
    pub async fn hash(&self, password: Secret) -> Option<config::PasswordHash> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash_of(password.expose())
        });
        hashed.await.ok().flatten()
    }
}

fn hash_of(password: &[u8]) -> Option<config::PasswordHash> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).ok()?;
    let hash: PasswordHash = argon2::Argon2::default().hash_password_with_salt(password, &salt).ok()?;
    Some(config::PasswordHash::new(&hash.to_string()))
}

fn is_right(hash: &str, password: &[u8]) -> bool {
    if hash.starts_with("$argon2") {
        PasswordHash::new(hash).is_ok_and(|hash| argon2::Argon2::default().verify_password(password, &hash).is_ok())
    } else {
        bcrypt::verify(password, hash).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Params, Version};

    use super::*;

    #[test]
    fn both_kinds_of_hash() {
        let bcrypt = bcrypt::hash("correct", 4).unwrap();
        let argon2 = argon2::Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(16, 2, 1, None).unwrap());
        let argon2: PasswordHash = argon2.hash_password_with_salt(b"correct", b"salted enough").unwrap();
        let argon2 = argon2.to_string();
        assert!(is_right(&bcrypt, b"correct") && !is_right(&bcrypt, b"wrong"));
        assert!(is_right(&argon2, b"correct") && !is_right(&argon2, b"wrong"));
        let own = hash_of(b"correct").unwrap();
        assert!(own.as_str().starts_with("$argon2id$") && is_right(own.as_str(), b"correct"));
        assert!(!is_right(own.as_str(), b"wrong") && own != hash_of(b"correct").unwrap());
        assert!(!is_right("", b"") && !is_right("$argon2id$", b"") && !is_right("$2b$", b""));
    }
}
