//! Fault injection: fault_inject.c.
//!
//! A fault is a number and a rule: how often, how many times, with what error code. Code that wants to be
//! testable asks `d_should_fail` at the place that may fail. Rules come from a file that `D_FI_CONFIG` names,
//! and from `d_fault_attr_set`. A rule stays at its address from when it is set until the last
//! `d_fault_inject_fini`, because callers keep pointers to it.

mod config;

use crate::random;
use abi::d_fault_attr_t;
use core::ffi::{c_int, c_uint};
use core::ptr;
use gurt_client::{Der, Facility, Result, debug, env, error, info};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest argument of a rule.
const MAX_ARGUMENT: usize = 4096;

abi::export_data! {
    /// `d_fault_inject` (fault_inject.c): faults are injected if this is not 0.
    pub static mut d_fault_inject: c_uint = 0;
    /// `d_fault_config_file` (fault_inject.c): a configuration was read.
    pub static mut d_fault_config_file: c_uint = 0;
    /// `d_fault_attr_mem` (fault_inject.c): the rule of fault 0, failing allocations.
    pub static mut d_fault_attr_mem: *mut d_fault_attr_t = ptr::null_mut();
}

/// A rule, at an address that stays.
struct Rule(*mut d_fault_attr_t);

// SAFETY: the memory belongs to the table; its content is protected by the lock in it.
unsafe impl Send for Rule {}

impl Drop for Rule {
    fn drop(&mut self) {
        // SAFETY: made by Box and by strndup in `set`; nobody may use a rule after the last fini.
        unsafe {
            let rule = Box::from_raw(self.0);
            libc::free(rule.fa_argument.cast());
        }
    }
}

/// All rules, while somebody has fault injection initialised.
struct Table {
    users: u32,
    seed: u32,
    rules: HashMap<u32, Rule>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);
/// Whether threads that said nothing are injected faults.
static THREAD_DEFAULT: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// Whether this thread is injected faults, if it said so.
    static THREAD: Cell<Option<bool>> = const { Cell::new(None) };
}

fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on a rule, under the spin lock that its structure contains.
///
/// # Safety
/// `rule` points to a rule of the table.
unsafe fn locked<R>(rule: *mut d_fault_attr_t, work: impl FnOnce(&mut d_fault_attr_t) -> R) -> R {
    // SAFETY: `set` made the word 0; C's macros do not touch it, so that ours is the only protocol.
    let lock = unsafe { AtomicU32::from_ptr((&raw mut (*rule).fa_lock).cast()) };
    while lock.compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        std::hint::spin_loop();
    }
    // SAFETY: the rule is there, and ours until the lock is released.
    let result = work(unsafe { &mut *rule });
    lock.store(0, Ordering::Release);
    result
}

impl Table {
    /// Sets or replaces the rule of a fault.
    fn set(&mut self, id: u32, new: &d_fault_attr_t) -> Result {
        let mut argument = ptr::null_mut();
        if !new.fa_argument.is_null() {
            // SAFETY: the caller's string.
            argument = unsafe { libc::strndup(new.fa_argument, MAX_ARGUMENT) };
            if argument.is_null() {
                return Err(Der::new(abi::DER_NOMEM.into()));
            }
        }
        let seed = self.seed;
        let rule = self.rules.entry(id).or_insert_with(|| {
            let blank = d_fault_attr_t { fa_argument: ptr::null_mut(), fa_num_hits: 0, fa_lock: 0, ..*new };
            Rule(Box::into_raw(Box::new(blank)))
        });
        // SAFETY: a rule of the table.
        unsafe {
            locked(rule.0, |rule| {
                libc::free(rule.fa_argument.cast());
                rule.fa_id = id;
                rule.fa_probability_x = new.fa_probability_x;
                rule.fa_probability_y = new.fa_probability_y;
                rule.fa_interval = new.fa_interval;
                rule.fa_max_faults = new.fa_max_faults;
                rule.fa_num_faults = new.fa_num_faults;
                rule.fa_err_code = new.fa_err_code;
                rule.fa_argument = argument;
                // As C's memcpy of the seed: the two lower words.
                rule.fa_rand_state[0] = seed as u16;
                rule.fa_rand_state[1] = (seed >> 16) as u16;
            });
        }
        Ok(())
    }

    /// The rule of a fault, or null.
    fn rule(&self, id: u32) -> *mut d_fault_attr_t {
        self.rules.get(&id).map_or(ptr::null_mut(), |rule| rule.0)
    }
}

/// Decides about one occurrence of a fault, and counts it.
fn decide(rule: &mut d_fault_attr_t) -> bool {
    if rule.fa_probability_x == 0 || (rule.fa_max_faults != 0 && rule.fa_max_faults <= rule.fa_num_faults) {
        return false;
    }
    if rule.fa_interval > 1 {
        rule.fa_num_hits += 1;
        if !rule.fa_num_hits.is_multiple_of(rule.fa_interval.into()) {
            return false;
        }
    }
    if rule.fa_probability_y != 0 {
        let drawn = random::next_of(&mut rule.fa_rand_state) % rule.fa_probability_y;
        if rule.fa_probability_x <= drawn {
            return false;
        }
    }
    rule.fa_num_faults += 1;
    true
}

/// Whether the calling thread is injected faults.
fn thread_enabled() -> bool {
    THREAD.get().unwrap_or_else(|| THREAD_DEFAULT.load(Ordering::Relaxed))
}

/// Sets or clears the global switch.
fn switch(on: bool) {
    // SAFETY: a word that C's macros read at any time.
    unsafe { AtomicU32::from_ptr(&raw mut abi::d_fault_inject) }.store(on.into(), Ordering::Relaxed);
}

/// Reads the file that `D_FI_CONFIG` names, if it is set, into the table.
fn configure(table: &mut Table) -> Result {
    let Some(path) = env::text(c"D_FI_CONFIG").filter(|path| !path.is_empty()) else {
        info!(Facility::FI, "No config file, fault injection is OFF.");
        return Ok(());
    };
    let text = std::fs::read_to_string(&path).map_err(|err| {
        error!(Facility::FI, "cannot read the fault injection file {path} (D_FI_CONFIG): {err}");
        Der::from_io(&err)
    })?;
    let config = config::parse(&text).map_err(|err| {
        error!(Facility::FI, "cannot use the fault injection file {path} (D_FI_CONFIG): {err}");
        Der::new(abi::DER_MISC.into())
    })?;
    table.seed = config.seed.unwrap_or(table.seed);
    if let Some(on) = config.thread_default {
        THREAD_DEFAULT.store(on, Ordering::Relaxed);
    }
    for fault in &config.faults {
        let argument = fault.argument.as_deref();
        let rule = d_fault_attr_t {
            fa_id: fault.id,
            fa_interval: fault.interval,
            fa_max_faults: fault.max_faults,
            fa_num_faults: 0,
            fa_num_hits: 0,
            fa_argument: argument.map_or(ptr::null_mut(), |argument| argument.as_ptr().cast_mut()),
            fa_lock: 0,
            fa_err_code: fault.err_code,
            fa_rand_state: [0; 3],
            fa_probability_x: fault.probability_x,
            fa_probability_y: fault.probability_y,
        };
        table.set(fault.id, &rule)?;
    }
    info!(Facility::FI, "Config file: {path}, fault injection is ON.");
    // SAFETY: words that C reads after initialisation.
    unsafe {
        abi::d_fault_config_file = 1;
        abi::d_fault_attr_mem = table.rule(0);
    }
    switch(true);
    Ok(())
}

abi::export! {
    /// `d_fault_inject_init` (fault_inject.c): starts with the rules of `D_FI_CONFIG`, or counts one more
    /// user.
    pub fn d_fault_inject_init() -> c_int {
        let mut slot = table();
        if let Some(table) = slot.as_mut() {
            table.users += 1;
            return 0;
        }
        THREAD_DEFAULT.store(true, Ordering::Relaxed);
        let mut new = Table { users: 1, seed: 0, rules: HashMap::new() };
        let configured = configure(&mut new);
        *slot = Some(new);
        Der::rc_of(configured)
    }

    /// `d_fault_inject_fini` (fault_inject.c): forgets all rules when the last user does.
    pub fn d_fault_inject_fini() -> c_int {
        let mut slot = table();
        let Some(table) = slot.as_mut() else { return 0 };
        table.users -= 1;
        if table.users == 0 {
            switch(false);
            // SAFETY: a word; with the switch off C's macros do not follow it.
            unsafe { abi::d_fault_attr_mem = ptr::null_mut() };
            *slot = None;
        }
        0
    }

    /// `d_fault_inject_enable` (fault_inject.c): switches on; -DER_NOSYS if no configuration was read.
    pub fn d_fault_inject_enable() -> c_int {
        // SAFETY: a word that initialisation writes.
        if unsafe { abi::d_fault_config_file } == 0 {
            error!(Facility::FI, "No fault config file.");
            return Der::new(abi::DER_NOSYS.into()).rc();
        }
        switch(true);
        0
    }

    /// `d_fault_inject_disable` (fault_inject.c): switches off.
    pub fn d_fault_inject_disable() -> c_int {
        switch(false);
        0
    }

    /// `d_fault_inject_is_enabled` (fault_inject.c): the state of the switch.
    pub fn d_fault_inject_is_enabled() -> bool {
        // SAFETY: a word.
        unsafe { AtomicU32::from_ptr(&raw mut abi::d_fault_inject) }.load(Ordering::Relaxed) != 0
    }

    /// `d_fault_inject_thread_enable` (fault_inject.c): whether the calling thread is injected faults.
    pub fn d_fault_inject_thread_enable(enabled: bool) {
        THREAD.set(Some(enabled))
    }

    /// `d_fault_inject_thread_default_enable` (fault_inject.c): whether threads are that did not say.
    pub fn d_fault_inject_thread_default_enable(enabled: bool) {
        THREAD_DEFAULT.store(enabled, Ordering::Relaxed)
    }

    /// `d_should_fail` (fault_inject.c): whether this occurrence of a fault is to happen; null never.
    pub unsafe fn d_should_fail(fault_attr_ptr: *mut d_fault_attr_t) -> bool {
        // SAFETY: null or a rule of the table.
        !fault_attr_ptr.is_null() && thread_enabled() && unsafe { locked(fault_attr_ptr, decide) }
    }

    /// `d_fault_attr_set` (fault_inject.c): sets or replaces a rule.
    pub unsafe fn d_fault_attr_set(fault_id: u32, fa_in: d_fault_attr_t) -> c_int {
        match table().as_mut() {
            Some(table) => Der::rc_of(table.set(fault_id, &fa_in)),
            None => {
                error!(Facility::FI, "fault injection not initialized");
                Der::new(abi::DER_UNINIT.into()).rc()
            }
        }
    }

    /// `d_fault_attr_lookup` (fault_inject.c): the rule of a fault, or null.
    pub fn d_fault_attr_lookup(fault_id: u32) -> *mut d_fault_attr_t {
        let rule = table().as_ref().map_or(ptr::null_mut(), |table| table.rule(fault_id));
        if rule.is_null() {
            debug!(Facility::FI, "fault attr for fault ID {fault_id} not set yet");
        }
        rule
    }

    /// `d_fault_attr_err_code` (fault_inject.c): the error code of a fault; -DER_INVAL if it has no rule.
    pub fn d_fault_attr_err_code(fault_id: u32) -> c_int {
        let rule = table().as_ref().map_or(ptr::null_mut(), |table| table.rule(fault_id));
        if rule.is_null() {
            error!(Facility::FI, "fault id: {fault_id} not set");
            return Der::new(abi::DER_INVAL.into()).rc();
        }
        // SAFETY: a rule of the table.
        unsafe { locked(rule, |rule| rule.fa_err_code) }
    }
}
