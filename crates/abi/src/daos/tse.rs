//! `daos/tse.h`: the task scheduler of the client's stack, as far as the engine runs it.

use core::ffi::{c_char, c_int, c_void};

/// A task.
#[repr(C)]
pub struct tse_task {
    /// What it has come to.
    pub dt_result: c_int,
    /// Reserved; 0.
    pub dt_pad32: c_int,
    /// The scheduler's.
    pub dt_private: tse_task_private,
}

/// Private state of a [`tse_task`].
///
/// C: in place.
#[repr(C)]
pub struct tse_task_private {
    /// Memory.
    pub dt_space: [c_char; 1016],
}

/// A task.
pub type tse_task_t = tse_task;

/// A task scheduler of the client's stack.
#[repr(C)]
pub struct tse_sched_t {
    /// What its tasks have come to.
    pub ds_result: c_int,
    /// The user's.
    pub ds_udata: *mut c_void,
    /// Its own.
    pub ds_private: tse_sched_private,
}

/// Private state of a [`tse_sched_t`].
///
/// C: in place.
#[repr(C)]
pub struct tse_sched_private {
    /// Memory.
    pub ds_space: [u64; 48],
}

/// Called when all tasks of a scheduler are complete.
pub type tse_sched_comp_cb_t = Option<unsafe extern "C" fn(args: *mut c_void, rc: c_int) -> c_int>;

/// Called before a task runs, or when it is complete; 0 or a DAOS error code.
pub type tse_task_cb_t = Option<unsafe extern "C" fn(task: *mut tse_task_t, arg: *mut c_void) -> c_int>;

unsafe extern "C" {
    /// tse.c: makes `*sched` a scheduler; `comp_cb` may be null. 0 or a DAOS error code.
    pub fn tse_sched_init(sched: *mut tse_sched_t, comp_cb: tse_sched_comp_cb_t, udata: *mut c_void)
    -> c_int;
    /// tse.c: ends a scheduler of which nobody has references.
    pub fn tse_sched_fini(sched: *mut tse_sched_t);
    /// tse.c: waits for all its tasks, or cancels them, and ends it.
    pub fn tse_sched_complete(sched: *mut tse_sched_t, ret: c_int, cancel: bool);
    /// tse.c: runs the tasks that are ready.
    pub fn tse_sched_progress(sched: *mut tse_sched_t);
    /// tse.c: gives a task to its scheduler; with `instant` it runs at once if it waits for no other. 0 or a DAOS
    /// error code.
    pub fn tse_task_schedule(task: *mut tse_task_t, instant: bool) -> c_int;
    /// tse.c: ends a task: calls its completion callbacks, the last registered first.
    pub fn tse_task_complete(task: *mut tse_task_t, ret: c_int);
    /// tse.c: registers a completion callback and a copy of the `arg_size` bytes at `arg`. 0 or a DAOS error code.
    pub fn tse_task_register_comp_cb(
        task: *mut tse_task_t,
        comp_cb: tse_task_cb_t,
        arg: *mut c_void,
        arg_size: usize,
    ) -> c_int;
}
