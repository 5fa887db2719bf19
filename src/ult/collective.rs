//! Running one function on the main xstream of every target and merging what comes back: the order of things
//! in `dss_collective_reduce_internal` (ult.c), and the bitmaps that select targets.

use core::ffi::c_int;

use abi::DER_INVAL;
use gurt_client::{Der, Result};

/// Which targets take part, as `ca_tgt_bitmap` says it: bit `t % 8` of byte `t / 8` for target `t`.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// No bitmap: every target.
    All,
    /// Those whose bit is set; targets beyond the end of the bitmap are not.
    Bitmap(&'a [u8]),
}

impl Selection<'_> {
    /// Whether `target` takes part.
    pub fn contains(&self, target: u32) -> bool {
        match self {
            Selection::All => true,
            Selection::Bitmap(bytes) => {
                bytes.get(target as usize / 8).is_some_and(|byte| byte & (1 << (target % 8)) != 0)
            }
        }
    }

    /// How many of `targets` take part.
    pub fn count(&self, targets: u32) -> u32 {
        (0..targets).filter(|&t| self.contains(t)).count() as u32
    }
}

/// Bytes of a bitmap of `targets` bits.
pub fn bitmap_len(targets: u32) -> usize {
    targets.div_ceil(8) as usize
}

/// Fills `bitmap` with a bit for each of `targets` but those in `excluded`: what `dss_build_coll_bitmap` builds.
///
/// The bits after the last target are clear. Fails with -DER_INVAL when `excluded` names a target that does not
/// exist. `bitmap` has [`bitmap_len`] bytes.
pub fn fill_bitmap(bitmap: &mut [u8], targets: u32, excluded: &[c_int]) -> Result {
    assert_eq!(bitmap.len(), bitmap_len(targets));
    bitmap.fill(0xff);
    if !targets.is_multiple_of(8)
        && let Some(last) = bitmap.last_mut()
    {
        *last = (1 << (targets % 8)) - 1;
    }
    for &target in excluded {
        let target = u32::try_from(target).ok().filter(|&t| t < targets);
        let target = target.ok_or(Der::new(DER_INVAL.into()))?;
        bitmap[target as usize / 8] &= !(1 << (target % 8));
    }
    Ok(())
}

/// One collective call under way: what [`run`] needs of it for each target.
pub trait Fanout {
    /// `co_reduce_arg_alloc`: allocates what the function on `target` reports into; 0 or its error.
    fn alloc(&mut self, target: u32) -> c_int;
    /// Starts the function on the main xstream of `target`.
    fn launch(&mut self, target: u32) -> Result;
    /// Notes that `target` could not be reached: its return code is that error.
    fn fail(&mut self, target: u32, error: Der);
    /// Waits until each function that was launched has returned.
    fn wait(&mut self);
    /// What the function on `target` returned; 0 where it did not run.
    fn status(&self, target: u32) -> c_int;
    /// `co_reduce`: merges what `target` reported into the aggregate.
    fn reduce(&mut self, target: u32);
    /// `co_reduce_arg_free`: frees what `alloc` allocated.
    fn free(&mut self, target: u32);
}

/// Runs a collective call on those of `targets` that are selected, and returns the first target's failure, or 0.
///
/// Reports are allocated, merged and freed for every target, those that are not selected included. All of that
/// happens in the caller's ULT and in the order of the targets, whatever the order in which they answer. When
/// an allocation fails, nothing runs, and the call fails with its error.
pub fn run(fanout: &mut impl Fanout, targets: u32, selection: Selection<'_>) -> c_int {
    for target in 0..targets {
        let rc = fanout.alloc(target);
        if rc != 0 {
            (0..=target).for_each(|t| fanout.free(t));
            return rc;
        }
    }
    for target in (0..targets).filter(|&t| selection.contains(t)) {
        if let Err(err) = fanout.launch(target) {
            fanout.fail(target, err);
        }
    }
    fanout.wait();
    let mut first_failure = 0;
    for target in 0..targets {
        if first_failure == 0 {
            first_failure = fanout.status(target);
        }
        fanout.reduce(target);
    }
    (0..targets).for_each(|t| fanout.free(t));
    first_failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::DER_SHUTDOWN;
    use std::collections::BTreeMap;

    /// Records what happens; targets fail where it is told to.
    #[derive(Default)]
    struct Recorder {
        events: Vec<String>,
        bad_alloc: Option<u32>,
        unreachable: Option<u32>,
        returns: BTreeMap<u32, c_int>,
        status: BTreeMap<u32, c_int>,
    }

    impl Fanout for Recorder {
        fn alloc(&mut self, target: u32) -> c_int {
            self.events.push(format!("alloc {target}"));
            if self.bad_alloc == Some(target) { -7 } else { 0 }
        }
        fn launch(&mut self, target: u32) -> Result {
            self.events.push(format!("launch {target}"));
            if self.unreachable == Some(target) {
                return Err(Der::new(DER_SHUTDOWN.into()));
            }
            self.status.insert(target, *self.returns.get(&target).unwrap_or(&0));
            Ok(())
        }
        fn fail(&mut self, target: u32, error: Der) {
            self.status.insert(target, error.rc());
        }
        fn wait(&mut self) {
            self.events.push("wait".into());
        }
        fn status(&self, target: u32) -> c_int {
            *self.status.get(&target).unwrap_or(&0)
        }
        fn reduce(&mut self, target: u32) {
            self.events.push(format!("reduce {target}"));
        }
        fn free(&mut self, target: u32) {
            self.events.push(format!("free {target}"));
        }
    }

    #[test]
    fn every_target_is_allocated_merged_and_freed_but_only_the_selected_run() {
        let mut fanout = Recorder::default();
        assert_eq!(run(&mut fanout, 3, Selection::Bitmap(&[0b101])), 0);
        assert_eq!(
            fanout.events,
            [
                "alloc 0", "alloc 1", "alloc 2", "launch 0", "launch 2", "wait", "reduce 0", "reduce 1",
                "reduce 2", "free 0", "free 1", "free 2",
            ]
        );
    }

    #[test]
    fn a_failed_allocation_stops_the_call_and_frees_what_was_tried() {
        let mut fanout = Recorder { bad_alloc: Some(1), ..Default::default() };
        assert_eq!(run(&mut fanout, 3, Selection::All), -7);
        assert_eq!(fanout.events, ["alloc 0", "alloc 1", "free 0", "free 1"]);
    }

    #[test]
    fn the_first_target_that_fails_gives_the_code() {
        let returns = BTreeMap::from([(1, -5), (2, -6)]);
        let mut fanout = Recorder { returns, ..Default::default() };
        assert_eq!(run(&mut fanout, 4, Selection::All), -5);

        let returns = BTreeMap::from([(1, -5)]);
        let mut fanout = Recorder { returns, ..Default::default() };
        assert_eq!(run(&mut fanout, 4, Selection::Bitmap(&[0b1101])), 0, "target 1 is not asked");
    }

    #[test]
    fn a_target_that_cannot_be_reached_fails_alone() {
        let mut fanout = Recorder { unreachable: Some(0), ..Default::default() };
        assert_eq!(run(&mut fanout, 2, Selection::All), -(DER_SHUTDOWN as c_int));
        assert!(fanout.events.contains(&"launch 1".into()));
        assert!(fanout.events.contains(&"reduce 0".into()));
    }

    #[test]
    fn a_short_bitmap_selects_nothing_beyond_its_end() {
        let selection = Selection::Bitmap(&[0xff]);
        assert!(selection.contains(7));
        assert!(!selection.contains(8));
        assert_eq!(selection.count(20), 8);
        assert_eq!(selection.count(5), 5);
        assert_eq!(Selection::All.count(20), 20);
        assert_eq!(Selection::Bitmap(&[]).count(20), 0);
    }

    #[test]
    fn a_built_bitmap_selects_exactly_the_targets_that_are_not_excluded() {
        for targets in 1..=40u32 {
            for step in 1..=5 {
                let excluded: Vec<c_int> = (0..targets as c_int).step_by(step).collect();
                let mut bitmap = vec![0; bitmap_len(targets)];
                fill_bitmap(&mut bitmap, targets, &excluded).unwrap();
                let selection = Selection::Bitmap(&bitmap);
                for bit in 0..bitmap.len() as u32 * 8 {
                    let wanted = bit < targets && !excluded.contains(&(bit as c_int));
                    assert_eq!(selection.contains(bit), wanted, "bit {bit} of {targets} targets");
                }
            }
        }
    }

    #[test]
    fn targets_that_do_not_exist_cannot_be_excluded() {
        for bad in [-1, 9, c_int::MAX, c_int::MIN] {
            let mut bitmap = [0; 2];
            assert_eq!(fill_bitmap(&mut bitmap, 9, &[0, bad]), Err(Der::new(DER_INVAL.into())));
        }
    }
}
