//! The share of a quota that updates leave to callers.

/// The most calls that a quota was seen to have left, which is what it allows.
#[derive(Debug, Default)]
pub(super) struct SeenQuota(usize);

impl SeenQuota {
    /// Whether an update may take one of the calls that are `left`: half of them are for callers.
    pub(super) fn allows(&mut self, left: Option<usize>) -> bool {
        let Some(left) = left else { return true };
        self.0 = self.0.max(left);
        left.saturating_mul(2) > self.0
    }
}

#[cfg(test)]
mod tests {
    use super::SeenQuota;

    #[test]
    fn half_of_a_quota_is_left_to_callers() {
        let mut quota = SeenQuota::default();
        let allowed: Vec<usize> = (0..=20).rev().filter(|left| quota.allows(Some(*left))).collect();
        assert_eq!(allowed, (11..=20).rev().collect::<Vec<_>>());
        assert!(quota.allows(None) && !quota.allows(Some(10)) && quota.allows(Some(11)));
        assert!(SeenQuota::default().allows(Some(1)) && !SeenQuota::default().allows(Some(0)));
    }
}
