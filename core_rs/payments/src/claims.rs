//! What payments under way may not share.

use std::collections::HashSet;

/// The keys and references of payments under way, hashed.
#[derive(Default)]
pub struct Claims {
    taken: HashSet<u128>,
}

impl Claims {
    /// Takes all, or, where one is taken already, none; returns which.
    pub fn take(&mut self, claims: &[u128]) -> bool {
        let free = !claims.iter().any(|claim| self.taken.contains(claim));
        if free {
            self.taken.extend(claims);
        }
        free
    }

    /// Gives back what was taken.
    pub fn release(&mut self, claims: &[u128]) {
        for claim in claims {
            self.taken.remove(claim);
        }
    }

    /// Returns how many are taken.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Returns whether none is taken.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_taken_or_none() {
        let mut claims = Claims::default();
        assert!(claims.take(&[1, 2]));
        assert!(!claims.take(&[3, 2]));
        assert!(claims.take(&[3, 4]));
        claims.release(&[1, 2]);
        assert!(claims.take(&[2, 5]));
        assert_eq!(claims.len(), 4);
    }
}
