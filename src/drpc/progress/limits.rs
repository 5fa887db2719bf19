//! How much one session, and all of them together, may make the engine hold.
//!
//! Part of a message takes at most 16 MiB (`MAX_MESSAGE` of the channel). Whole calls count from when they have
//! been received until they are answered: a session that has reached a limit is not read until it is below again,
//! so that its client waits, as a client does that sends faster than it is served.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Calls of one session that may be worked on at a time.
pub const MAX_CALLS: u32 = 16;
/// Bytes of calls being worked on, of all sessions, from which on only sessions without one are read.
pub const MAX_BYTES: usize = 64 << 20;

/// Bytes of calls being worked on.
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// A call of that many bytes has been received.
pub fn enter(bytes: usize) {
    BYTES.fetch_add(bytes, Relaxed);
}

/// It has been answered.
pub fn leave(bytes: usize) {
    BYTES.fetch_sub(bytes, Relaxed);
}

/// Whether a session with that many calls being worked on may send another one.
pub fn admit(calls: u32) -> bool {
    admit_at(calls, BYTES.load(Relaxed))
}

fn admit_at(calls: u32, bytes: usize) -> bool {
    calls == 0 || (calls < MAX_CALLS && bytes < MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_calls_is_always_read() {
        assert!(admit_at(0, usize::MAX));
        assert!(admit_at(MAX_CALLS - 1, MAX_BYTES - 1));
        assert!(!admit_at(MAX_CALLS, 0));
        assert!(!admit_at(1, MAX_BYTES));
    }
}
