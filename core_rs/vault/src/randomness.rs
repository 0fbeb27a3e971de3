//! Where random bytes come from: always an argument, so that a test can repeat them.

/// A source of unpredictable bytes.
///
/// Nonces, salts and keys come from it. A source that repeats itself gives every sealed value away: outside of tests use
/// [`SystemRandom`](crate::SystemRandom), which also notices a fork of the process.
pub trait Randomness: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl Randomness for aws_lc_rs::rand::SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::SecureRandom::fill(self, bytes).expect("the system gives random bytes");
    }
}

/// Returns `SIZE` random bytes.
pub(crate) fn random_bytes<const SIZE: usize>(random: &dyn Randomness) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    random.fill(&mut bytes);
    bytes
}
