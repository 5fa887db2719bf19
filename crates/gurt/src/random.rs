//! DAOS's random numbers: `drand48`'s generator, as in misc.c, without the race.

use core::ffi::c_long;
use std::sync::atomic::{AtomicU64, Ordering};

/// The 48 bits of the generator's state.
const STATE: u64 = (1 << 48) - 1;

/// The next state: the linear congruence of `drand48`.
fn next(state: u64) -> u64 {
    state.wrapping_mul(0x5deece66d).wrapping_add(0xb) & STATE
}

/// State of the process's generator.
static SHARED: AtomicU64 = AtomicU64::new(0);

/// Moves the process's generator on, for this thread alone.
fn advance() -> u64 {
    let step = |state| Some(next(state));
    let former =
        SHARED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_else(|state| state);
    next(former)
}

/// The next number in [0, 2^31) from a state of one's own, three words with the lowest first: `nrand48`.
pub(crate) fn next_of(state: &mut [u16; 3]) -> u32 {
    let joined = next(state.iter().rev().fold(0, |sum, &word| sum << 16 | u64::from(word)));
    *state = [joined as u16, (joined >> 16) as u16, (joined >> 32) as u16];
    (joined >> 17) as u32
}

/// Held by tests that draw from the process's generator, so that the one that counts draws is undisturbed.
#[cfg(test)]
pub(crate) static DRAWING: std::sync::Mutex<()> = std::sync::Mutex::new(());

abi::export! {
    /// `d_srand` (misc.c): restarts the generator.
    pub fn d_srand(arg1: c_long) {
        SHARED.store((arg1 as u64 & 0xffff_ffff) << 16 | 0x330e, Ordering::Relaxed)
    }

    /// `d_rand` (misc.c): a number in [0, `D_RAND_MAX`].
    pub fn d_rand() -> c_long {
        (advance() >> 17) as c_long
    }

    /// `d_randd` (misc.c): a number in [0, 1).
    pub fn d_randd() -> f64 {
        advance() as f64 / (1u64 << 48) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_libc() {
        // From glibc's nrand48 with the state that srand48(42) sets.
        let mut state = [0x330e, 42, 0];
        let mut theirs = [0x330eu16, 42, 0];
        for _ in 0..1000 {
            // SAFETY: nrand48 takes three words.
            let expected = unsafe { nrand48(theirs.as_mut_ptr()) };
            assert_eq!(c_long::from(next_of(&mut state)), expected);
            assert_eq!(state, theirs);
        }
    }

    unsafe extern "C" {
        fn nrand48(state: *mut u16) -> c_long;
    }

    #[test]
    fn a_seed_determines_what_follows() {
        let _alone = DRAWING.lock();
        // SAFETY: no preconditions.
        unsafe {
            abi::d_srand(42);
            let first = [abi::d_rand(), abi::d_rand()];
            let real = abi::d_randd();
            abi::d_srand(42);
            assert_eq!([abi::d_rand(), abi::d_rand()], first);
            assert_eq!(abi::d_randd(), real);
            assert!((0.0..1.0).contains(&real));
        }
        let mut state = [0x330e, 42, 0];
        // SAFETY: no preconditions.
        unsafe {
            abi::d_srand(42);
            assert_eq!(abi::d_rand(), c_long::from(next_of(&mut state)));
        }
    }
}
