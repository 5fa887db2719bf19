//! Starting in steps, and stopping by the same steps in the opposite order.

use gurt_client::{Der, Facility, Result, info};
use std::fmt;

/// A step that could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which one.
    pub step: &'static str,
    /// Why.
    pub error: Der,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.error)
    }
}

struct Rung {
    step: &'static str,
    down: Box<dyn FnOnce()>,
}

/// The steps that have been taken. Dropped, it takes them back, the last one first.
#[derive(Default)]
pub struct Ladder(Vec<Rung>);

impl Ladder {
    /// Takes a step: runs `up`, and remembers `down` for the way back if that succeeds.
    pub fn climb(
        &mut self,
        step: &'static str,
        up: impl FnOnce() -> Result,
        down: impl FnOnce() + 'static,
    ) -> core::result::Result<(), Missed> {
        up().map_err(|error| Missed { step, error })?;
        info!(Facility::SERVER, "{step}: up");
        self.rung(step, down);
        Ok(())
    }

    /// Remembers `down` for the way back from something that is done already, or that may be done half before
    /// it fails.
    pub fn rung(&mut self, step: &'static str, down: impl FnOnce() + 'static) {
        self.0.push(Rung { step, down: Box::new(down) });
    }
}

impl Drop for Ladder {
    fn drop(&mut self) {
        while let Some(Rung { step, down }) = self.0.pop() {
            down();
            info!(Facility::SERVER, "{step}: down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn failing() -> Result {
        Err(Der::new(abi::DER_NOMEM.into()))
    }

    #[test]
    fn steps_are_taken_back_in_the_opposite_order() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let note = |text| {
            let log = log.clone();
            move || log.borrow_mut().push(text)
        };
        let mut ladder = Ladder::default();
        ladder.climb("one", || Ok(()), note("one")).unwrap();
        ladder.rung("two", note("two"));
        let missed = ladder.climb("three", failing, note("three")).unwrap_err();
        assert_eq!((missed.step, missed.error.rc()), ("three", -(abi::DER_NOMEM as i32)));
        assert!(log.borrow().is_empty());
        drop(ladder);
        assert_eq!(*log.borrow(), ["two", "one"]);
    }
}
