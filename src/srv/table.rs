//! The xstreams that there are, and who may look at them when.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most xstreams that an engine can have.
pub const CAPACITY: usize = 4096;

/// Xstreams by id. Looking one up takes two loads and no lock, because every `dss_ult_create` does it.
pub struct Table<T> {
    count: AtomicUsize,
    slots: [AtomicPtr<T>; CAPACITY],
}

impl<T> Table<T> {
    /// A table without xstreams.
    pub const fn new() -> Self {
        Table { count: AtomicUsize::new(0), slots: [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY] }
    }

    /// Makes room for `count` xstreams, at most [`CAPACITY`], that are about to start.
    pub fn open(&self, count: usize) {
        assert!(count <= CAPACITY);
        self.count.store(count, Ordering::Release);
    }

    /// How many xstreams there are, started or about to start.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The xstream with this id; `Some(None)` while it has not started, `None` when there is no such id.
    pub fn get(&self, id: usize) -> Option<Option<NonNull<T>>> {
        (id < self.count()).then(|| NonNull::new(self.slots[id].load(Ordering::Acquire)))
    }

    /// Adds a started xstream.
    pub fn insert(&self, id: usize, xstream: NonNull<T>) {
        debug_assert!(id < self.count());
        self.slots[id].store(xstream.as_ptr(), Ordering::Release);
    }

    /// All started xstreams, by ascending id.
    pub fn started(&self) -> impl Iterator<Item = NonNull<T>> {
        (0..self.count()).filter_map(|id| self.get(id)?)
    }

    /// Takes all xstreams out.
    pub fn close(&self) -> Vec<NonNull<T>> {
        let slots = self.slots.iter().take(self.count());
        let taken = slots.filter_map(|slot| NonNull::new(slot.swap(ptr::null_mut(), Ordering::AcqRel)));
        let taken = taken.collect();
        self.count.store(0, Ordering::Release);
        taken
    }
}

/// Keeps those who look at xstreams away from ones that are being freed.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
    left: Condvar,
}

#[derive(Default)]
struct GateState {
    open: bool,
    inside: usize,
}

impl Gate {
    /// A closed gate.
    pub const fn new() -> Self {
        Gate { state: Mutex::new(GateState { open: false, inside: 0 }), left: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes in, if the gate is open.
    pub fn enter(&self) -> bool {
        let mut state = self.lock();
        state.inside += usize::from(state.open);
        state.open
    }

    /// Goes out.
    pub fn exit(&self) {
        let mut state = self.lock();
        state.inside = state.inside.saturating_sub(1);
        self.left.notify_all();
    }

    /// Opens the gate.
    pub fn open(&self) {
        self.lock().open = true;
    }

    /// Closes the gate and waits until everybody is out.
    pub fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        while state.inside > 0 {
            state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn ids_are_known_before_their_xstreams_have_started() {
        let table: Box<Table<u32>> = Box::new(Table::new());
        assert_eq!(table.get(0), None);
        table.open(3);
        assert_eq!(table.get(2), Some(None));
        assert_eq!(table.get(3), None);
        let mut xstreams = [10, 20];
        let [first, second] = xstreams.each_mut().map(NonNull::from);
        table.insert(2, second);
        table.insert(0, first);
        assert_eq!(table.get(2), Some(Some(second)));
        assert_eq!(table.started().collect::<Vec<_>>(), [first, second]);
        assert_eq!(table.close(), [first, second]);
        assert_eq!((table.count(), table.get(0)), (0, None));
    }

    #[test]
    fn who_closes_the_gate_waits_until_everybody_is_out() {
        let gate = Arc::new(Gate::new());
        assert!(!gate.enter());
        gate.open();
        assert!(gate.enter() && gate.enter());
        gate.exit();
        let out = Arc::new(AtomicBool::new(false));
        let closer = std::thread::spawn({
            let (gate, out) = (gate.clone(), out.clone());
            move || {
                gate.close();
                assert!(out.load(Ordering::SeqCst), "closed while somebody was inside");
            }
        });
        std::thread::yield_now();
        out.store(true, Ordering::SeqCst);
        gate.exit();
        closer.join().unwrap();
        assert!(!gate.enter());
    }
}
