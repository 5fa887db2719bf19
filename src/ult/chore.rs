//! The credits of a chore queue: how many requests the chores of one offload xstream may have in flight.

/// Credits that a queue has left. Urgent chores may overdraw them, so they can be negative for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits(pub i32);

impl Credits {
    /// Takes `wanted` credits, at least 1, for a chore; an `urgent` one gets them in any case.
    ///
    /// Fails with the number of credits that are left, with which the caller may try a smaller chore.
    pub fn take(&mut self, wanted: i32, urgent: bool) -> Result<(), i32> {
        if !urgent && self.0 < wanted {
            return Err(self.0.max(0));
        }
        self.0 = self.0.saturating_sub(wanted);
        Ok(())
    }

    /// Gives back what a chore has taken.
    pub fn give_back(&mut self, taken: i32) {
        self.0 = self.0.saturating_add(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_gets_what_is_there_or_learns_how_much_that_is() {
        let mut credits = Credits(10);
        assert_eq!(credits.take(7, false), Ok(()));
        assert_eq!(credits.take(4, false), Err(3));
        assert_eq!(credits.take(3, false), Ok(()));
        assert_eq!(credits.take(1, false), Err(0));
        credits.give_back(7);
        credits.give_back(3);
        assert_eq!(credits, Credits(10));
    }

    #[test]
    fn an_urgent_chore_overdraws_and_others_are_told_of_none_left() {
        let mut credits = Credits(2);
        assert_eq!(credits.take(5, true), Ok(()));
        assert_eq!(credits, Credits(-3));
        assert_eq!(credits.take(1, false), Err(0));
        credits.give_back(5);
        assert_eq!(credits.take(2, false), Ok(()));
    }

    #[test]
    fn no_number_of_credits_overflows() {
        let mut credits = Credits(i32::MIN + 1);
        assert_eq!(credits.take(i32::MAX, true), Ok(()));
        let mut credits = Credits(i32::MAX);
        credits.give_back(i32::MAX);
        assert_eq!(credits, Credits(i32::MAX));
    }
}
