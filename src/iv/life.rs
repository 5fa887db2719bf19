//! Who may still use a namespace.
//!
//! A namespace is made with one reference, its maker's. Starting it takes a second one, each request and each
//! callback of CaRT another while it runs. Stopping refuses requests, gives the second reference back and waits
//! until the maker's is the only one. When that goes too, the namespace ends.

/// The state of a namespace, as its C structure has it in `iv_refcount` and `iv_stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// References; 0 for a namespace that has ended.
    pub references: i32,
    /// No requests any more.
    pub stopping: bool,
}

/// Requests are refused: the namespace is stopping or has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped;

/// What giving a reference back leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Released {
    /// Others use it.
    InUse,
    /// Only its maker has it: who waits for that may go on.
    Idle,
    /// It was the last one, and the namespace has ended.
    Last,
    /// There was none to give back.
    Excess,
}

impl Life {
    /// A new namespace.
    pub const NEW: Life = Life { references: 1, stopping: false };

    /// Takes a reference for a request.
    pub fn enter(&mut self) -> Result<(), Stopped> {
        if self.stopping || self.references <= 0 {
            return Err(Stopped);
        }
        self.references += 1;
        Ok(())
    }

    /// Takes a reference for who has one already.
    pub fn take(&mut self) {
        self.references += 1;
    }

    /// Gives a reference back.
    pub fn release(&mut self) -> Released {
        match self.references {
            ..=0 => return Released::Excess,
            1 => self.stopping = true,
            _ => {}
        }
        self.references -= 1;
        match self.references {
            0 => Released::Last,
            1 => Released::Idle,
            _ => Released::InUse,
        }
    }

    /// Refuses requests from now on.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Ends it, whatever references there are. False if it had ended.
    pub fn end(&mut self) -> bool {
        let alive = self.references > 0;
        *self = Life { references: 0, stopping: true };
        alive
    }

    /// Whether requests are in flight, in a namespace that was started.
    pub fn is_busy(&self) -> bool {
        self.references > 2
    }

    /// Whether others than its maker use it.
    pub fn is_shared(&self) -> bool {
        self.references > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pool_comes_and_goes() {
        let mut life = Life::NEW;
        life.take();
        assert!(!life.is_busy());
        life.enter().unwrap();
        assert!(life.is_busy());
        life.stop();
        assert_eq!(life.release(), Released::InUse);
        assert_eq!(life.enter(), Err(Stopped));
        assert_eq!(life.release(), Released::Idle);
        assert!(!life.is_shared());
        assert_eq!(life.release(), Released::Last);
        assert_eq!(life.release(), Released::Excess);
    }

    #[test]
    fn what_has_ended_refuses_requests_though_nobody_stopped_it() {
        let mut life = Life::NEW;
        assert_eq!(life.release(), Released::Last);
        assert!(life.stopping);
        assert_eq!(life.enter(), Err(Stopped));
        assert!(!life.end());
    }

    proptest! {
        /// A namespace ends once, and never while somebody has a reference.
        #[test]
        fn the_last_reference_ends_it(steps in prop::collection::vec(0..4_u8, 0..100)) {
            let (mut life, mut held, mut ended) = (Life::NEW, 1, false);
            for step in steps {
                match step {
                    0 => match life.enter() {
                        Ok(()) => held += 1,
                        Err(Stopped) => prop_assert!(life.stopping),
                    },
                    1 if held > 0 => { life.take(); held += 1 },
                    2 => life.stop(),
                    _ => {
                        let released = life.release();
                        prop_assert_eq!(released == Released::Excess, held == 0);
                        held = (held - 1).max(0);
                        prop_assert_eq!(released == Released::Last, held == 0 && !ended);
                        ended |= held == 0;
                    }
                }
                prop_assert_eq!(life.references, held);
            }
        }
    }
}
