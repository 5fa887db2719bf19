//! What a failed request leads to: errors that pass are tried again, with pauses that grow.

use abi::{
    DER_BUSY, DER_CANCELED, DER_EXCLUDED, DER_GRPVER, DER_HG, DER_NOREPLY, DER_NOTLEADER, DER_OOG,
    DER_SHUTDOWN, DER_TIMEDOUT, DER_UNREACH, IV_OID,
};
use core::ffi::c_int;

/// How often requests are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest pause, in milliseconds.
    pub pause: u32,
    /// Pauses add up to this at most, in milliseconds; `None` for no limit.
    pub limit: Option<u64>,
}

impl Patience {
    /// The patience for a class. Object ids are taken in turns, and a turn is short; everything else waits for ranks
    /// to learn of a new leader or of a change of the group. `limit` is in milliseconds.
    pub fn for_class(class: i32, limit: Option<u64>) -> Self {
        let pause = if class.cast_unsigned() == IV_OID { 8 } else { 1000 };
        Patience { pause, limit }
    }
}

/// The pauses between attempts: 1 ms, then twice as long each time.
#[derive(Debug)]
pub struct Pauses {
    patience: Patience,
    next: u32,
    /// All pauses so far, in milliseconds.
    pub waited: u64,
}

impl Pauses {
    /// Before the first pause.
    pub fn new(patience: Patience) -> Self {
        Pauses { patience, next: 1, waited: 0 }
    }

    /// The next pause, in milliseconds; `None` if patience is at its end.
    pub fn next(&mut self) -> Option<u32> {
        let left = self.patience.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.waited));
        let pause = self.next.min(u32::try_from(left).unwrap_or(u32::MAX));
        self.next = self.next.saturating_mul(2).min(self.patience.pause);
        self.waited += u64::from(pause);
        (pause > 0).then_some(pause)
    }

    /// Starts again with short pauses, when something has changed for the better.
    pub fn restart(&mut self) {
        self.next = 1;
    }
}

/// What is known when an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What it returned.
    pub rc: c_int,
    /// The caller wants errors that pass tried again.
    pub retry: bool,
    /// The namespace is stopping.
    pub stopping: bool,
    /// The request is spread from the leader to all ranks, eager or lazy.
    pub spread: bool,
    /// A leader was known when it was sent.
    pub led: bool,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The result is final.
    Return,
    /// Final: there is another leader, and only a leader spreads values.
    LeaderChanged,
    /// Try again, unless the engine is in check mode: there a pool's shard may be missing on a rank.
    AgainUnlessInCheck,
    /// Try again.
    Again,
}

const fn rc(der: abi::daos_errno) -> c_int {
    -(der as c_int)
}

/// `daos_rpc_retryable_rc` of `daos/rpc.h`: whether the network or the group may be well again in a moment.
fn passes(error: c_int) -> bool {
    const PASSING: [abi::daos_errno; 8] =
        [DER_HG, DER_UNREACH, DER_CANCELED, DER_NOREPLY, DER_OOG, DER_TIMEDOUT, DER_GRPVER, DER_EXCLUDED];
    PASSING.iter().any(|&der| error == rc(der))
}

impl Attempt {
    /// What follows from this attempt.
    pub fn next(&self) -> Next {
        let not_leader = self.rc == rc(DER_NOTLEADER);
        if !self.retry || self.stopping || !(passes(self.rc) || not_leader || self.rc == rc(DER_BUSY)) {
            return Next::Return;
        }
        if not_leader && self.led && self.spread {
            return Next::LeaderChanged;
        }
        if self.rc == rc(DER_GRPVER) || self.rc == rc(DER_OOG) {
            return Next::AgainUnlessInCheck;
        }
        Next::Again
    }
}

/// Whether a failure belongs to normal operation: leaders change, pools stop, containers are not there yet.
pub fn is_ordinary(error: c_int) -> bool {
    let ordinary = [DER_SHUTDOWN, DER_NOTLEADER, DER_BUSY, abi::DER_NONEXIST, abi::DER_CONT_NONEXIST];
    error == 0 || ordinary.iter().any(|&der| error == rc(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIED: Attempt = Attempt { rc: 0, retry: true, stopping: false, spread: false, led: true };

    #[test]
    fn errors_that_pass_are_tried_again() {
        for der in [DER_TIMEDOUT, DER_BUSY, DER_NOTLEADER, DER_EXCLUDED, DER_HG] {
            assert_eq!(Attempt { rc: rc(der), ..TRIED }.next(), Next::Again, "{der}");
        }
        for der in [DER_GRPVER, DER_OOG] {
            assert_eq!(Attempt { rc: rc(der), ..TRIED }.next(), Next::AgainUnlessInCheck, "{der}");
        }
        for rc in [0, rc(abi::DER_NONEXIST), rc(DER_SHUTDOWN), rc(abi::DER_NOMEM)] {
            assert_eq!(Attempt { rc, ..TRIED }.next(), Next::Return, "{rc}");
        }
    }

    #[test]
    fn nothing_is_tried_again_unasked_or_in_a_namespace_that_stops() {
        let busy = Attempt { rc: rc(DER_BUSY), ..TRIED };
        assert_eq!(Attempt { retry: false, ..busy }.next(), Next::Return);
        assert_eq!(Attempt { stopping: true, ..busy }.next(), Next::Return);
    }

    #[test]
    fn only_the_leader_spreads() {
        let refused = Attempt { rc: rc(DER_NOTLEADER), spread: true, ..TRIED };
        assert_eq!(refused.next(), Next::LeaderChanged);
        assert_eq!(Attempt { led: false, ..refused }.next(), Next::Again);
        assert_eq!(Attempt { spread: false, ..refused }.next(), Next::Again);
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut pauses = Pauses::new(Patience::for_class(1, None));
        let all: Vec<_> = (0..13).map(|_| pauses.next().unwrap()).collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000]);
        pauses.restart();
        assert_eq!(pauses.next(), Some(1));

        let mut pauses = Pauses::new(Patience::for_class(IV_OID.cast_signed(), None));
        assert_eq!((0..6).map(|_| pauses.next().unwrap()).collect::<Vec<_>>(), [1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn pauses_add_up_to_the_limit_and_no_more() {
        for limit in [0, 1, 10, 5000] {
            let mut pauses = Pauses::new(Patience::for_class(1, Some(limit)));
            let sum: u64 = std::iter::from_fn(|| pauses.next()).map(u64::from).sum();
            assert_eq!((sum, pauses.waited), (limit, limit));
            assert_eq!(pauses.next(), None);
        }
    }
}
