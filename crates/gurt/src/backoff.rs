//! Waiting times that grow: `d_backoff_seq_*` of misc.c.

use abi::d_backoff_seq;
use core::ffi::c_int;
use gurt_client::Der;

/// What a sequence gives next: 0 while it has initial zeroes, then the upper bound of a random time, which it
/// multiplies for the time after.
fn next_bound(seq: &mut d_backoff_seq) -> u32 {
    if seq.bos_nzeros > 0 {
        seq.bos_nzeros -= 1;
        return 0;
    }
    let grown = seq.bos_next.saturating_mul(seq.bos_factor.into()).min(seq.bos_max);
    core::mem::replace(&mut seq.bos_next, grown)
}

abi::export! {
    /// `d_backoff_seq_init` (misc.c): `nzeros` times 0, then at most `next`, `next * factor`, … up to `max`.
    pub unsafe fn d_backoff_seq_init(seq: *mut d_backoff_seq, nzeros: u8, factor: u16, next: u32, max: u32) -> c_int {
        if seq.is_null() || factor == 0 || next == 0 || next > max {
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: the caller's structure.
        unsafe {
            *seq = d_backoff_seq {
                bos_flags: 0,
                bos_nzeros: nzeros,
                bos_factor: factor,
                bos_max: max,
                bos_next: next,
            };
        }
        0
    }

    /// `d_backoff_seq_fini` (misc.c): a sequence holds nothing, so there is nothing to do.
    pub fn d_backoff_seq_fini(_seq: *mut d_backoff_seq) {}

    /// `d_backoff_seq_next` (misc.c): a random number up to the bound that the sequence has reached.
    pub unsafe fn d_backoff_seq_next(seq: *mut d_backoff_seq) -> u32 {
        // SAFETY: the caller's structure.
        let bound = unsafe { next_bound(&mut *seq) };
        // SAFETY: no preconditions.
        let share = || unsafe { abi::d_rand() } as f64 / f64::from(abi::D_RAND_MAX);
        if bound == 0 { 0 } else { (f64::from(bound) * share()) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(nzeros: u8, factor: u16, next: u32, max: u32) -> (c_int, d_backoff_seq) {
        let mut seq = d_backoff_seq { bos_flags: 1, bos_nzeros: 0, bos_factor: 0, bos_max: 0, bos_next: 0 };
        // SAFETY: a place of ours.
        (unsafe { abi::d_backoff_seq_init(&mut seq, nzeros, factor, next, max) }, seq)
    }

    #[test]
    fn bounds_grow_to_the_maximum() {
        let (rc, mut seq) = sequence(2, 4, 16, 1 << 10);
        assert_eq!(rc, 0);
        let bounds: Vec<u32> = (0..8).map(|_| next_bound(&mut seq)).collect();
        assert_eq!(bounds, [0, 0, 16, 64, 256, 1024, 1024, 1024]);
    }

    #[test]
    fn a_product_that_overflows_is_the_maximum() {
        let (_, mut seq) = sequence(0, u16::MAX, 1 << 30, u32::MAX);
        assert_eq!([next_bound(&mut seq), next_bound(&mut seq)], [1 << 30, u32::MAX]);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let _alone = crate::random::DRAWING.lock();
        let (_, mut seq) = sequence(1, 2, 8, 64);
        for bound in [0, 8, 16, 32, 64, 64] {
            // SAFETY: a sequence of ours.
            assert!(unsafe { abi::d_backoff_seq_next(&mut seq) } <= bound);
        }
    }

    #[test]
    fn senseless_sequences_are_refused() {
        for (factor, next, max) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 2, 1)] {
            assert_eq!(sequence(0, factor, next, max).0, -(abi::DER_INVAL as c_int));
        }
    }
}
