//! Collective calls: one function on the main xstream of every target.

use core::ffi::{c_int, c_uint, c_void};
use core::{ptr, slice};

use abi::{
    DER_CANCELED, DER_INVAL, DSS_DEEP_STACK_SZ, DSS_ULT_DEEP_STACK, dss_coll_args, dss_coll_ops,
    dss_stream_arg_type,
};
use gurt_client::{Der, Facility, Result, debug, error};

use super::argobots::{self, Future, StackSize};
use super::create;
use super::memory::Zeroed;
use crate::inline::{self, Layout};
use crate::ult::collective::{self, Fanout, Selection};
use crate::wait;

type CollFn = unsafe extern "C" fn(arg: *mut c_void) -> c_int;

/// What carries the function to the targets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Ult,
    Tasklet,
}

/// What the units of one call share; on the stack of the ULT that waits for them.
struct Shared {
    func: CollFn,
    arg: *mut c_void,
    /// Set once for each selected target.
    done: abi::ABT_future,
}

/// Runs the function on a target: the body of each unit.
///
/// # Safety
/// `stream` is the target's `dss_stream_arg_type`, whose `st_coll_args` is the [`Shared`] of the call; both live
/// until the future was set by all units.
unsafe extern "C" fn run_on_target(stream: *mut c_void) {
    let stream: *mut dss_stream_arg_type = stream.cast();
    // SAFETY: see the function. The last set may end the life of both.
    unsafe {
        let shared: *const Shared = (*stream).st_coll_args.cast();
        (*stream).st_rc = ((*shared).func)((*shared).arg);
        argobots::set((*shared).done);
    }
}

/// A call under way, in terms of the C structures.
struct Call<'a> {
    ops: &'a dss_coll_ops,
    /// `ca_aggregator`, if there is a reduction.
    aggregator: *mut c_void,
    layout: Layout,
    streams: *mut dss_stream_arg_type,
    shared: &'a Shared,
    future: &'a Future,
    unit: Unit,
    flags: c_uint,
}

impl Call<'_> {
    /// The slot of `target`, which is below the number of targets.
    fn stream(&self, target: u32) -> *mut dss_stream_arg_type {
        // SAFETY: there is a slot a target.
        unsafe { self.streams.add(target as usize) }
    }
}

impl Fanout for Call<'_> {
    fn alloc(&mut self, target: u32) -> c_int {
        // SAFETY: the caller of the C function provides a callback that takes a slot.
        self.ops.co_reduce_arg_alloc.map_or(0, |alloc| unsafe { alloc(self.stream(target), self.aggregator) })
    }

    fn launch(&mut self, target: u32) -> Result {
        let stream = self.stream(target);
        let dx = create::xstream(self.layout.main_xstream(target))?;
        // SAFETY: slot and shared part live until all units have set the future.
        unsafe {
            (*stream).st_coll_args = ptr::from_ref(self.shared).cast_mut().cast();
            if self.unit == Unit::Tasklet {
                return inline::create_task(
                    dx,
                    Some(run_on_target),
                    stream.cast(),
                    ptr::null_mut(),
                    self.flags,
                );
            }
            let deep = self.flags & DSS_ULT_DEEP_STACK != 0;
            let stack = StackSize::new(if deep { DSS_DEEP_STACK_SZ as usize } else { 0 })?;
            inline::create_thread(
                dx,
                Some(run_on_target),
                stream.cast(),
                stack.attr(),
                ptr::null_mut(),
                self.flags,
            )
        }
    }

    fn fail(&mut self, target: u32, error: Der) {
        // SAFETY: no unit runs for this target, so its slot is ours and its part of the future is not set.
        unsafe {
            (*self.stream(target)).st_rc = error.rc();
            argobots::set(self.shared.done);
        }
    }

    fn wait(&mut self) {
        self.future.wait();
    }

    fn status(&self, target: u32) -> c_int {
        // SAFETY: all units have returned.
        unsafe { (*self.stream(target)).st_rc }
    }

    fn reduce(&mut self, target: u32) {
        if let Some(reduce) = self.ops.co_reduce {
            // SAFETY: the caller of the C function provides a callback that takes the aggregator and what
            // co_reduce_arg_alloc left in the slot.
            unsafe { reduce(self.aggregator, (*self.stream(target)).st_arg) }
        }
    }

    fn free(&mut self, target: u32) {
        if let Some(free) = self.ops.co_reduce_arg_free {
            // SAFETY: as for `alloc`.
            unsafe { free(self.stream(target)) }
        }
    }
}

/// The whole of the collective calls.
///
/// # Safety
/// `ops` and `args` are null or valid, `ca_tgt_bitmap` is null or has `ca_tgt_bitmap_sz` bytes, and the callbacks
/// may be called as `daos_engine.h` says.
unsafe fn call(
    symbol: &str,
    ops: *mut dss_coll_ops,
    args: *mut dss_coll_args,
    unit: Unit,
    flags: c_uint,
) -> Result<c_int> {
    // SAFETY: see the function. The operations are copied, so that callbacks may do with theirs what they like.
    let Some((ops, func)) = (unsafe { ops.as_ref() }).and_then(|&ops| Some((ops, ops.co_func?))) else {
        error!(Facility::SERVER, "{symbol}: no function to run");
        return Err(Der::new(DER_INVAL.into()));
    };
    if args.is_null() {
        error!(Facility::SERVER, "{symbol}: no arguments");
        return Err(Der::new(DER_INVAL.into()));
    }
    if ops.co_reduce_arg_alloc.is_some() && ops.co_reduce_arg_free.is_none() {
        error!(Facility::SERVER, "{symbol}: co_reduce_arg_alloc needs a co_reduce_arg_free");
        return Err(Der::new(DER_INVAL.into()));
    }
    wait::check_may_wait(symbol)?;
    let layout = Layout::current();
    if layout.targets == 0 {
        debug!(Facility::SERVER, "{symbol}: no xstreams, the engine has stopped");
        return Err(Der::new(DER_CANCELED.into()));
    }
    // SAFETY: see the function; all bytes 0 are a valid slot.
    unsafe {
        let streams = Zeroed::<dss_stream_arg_type>::new(layout.targets as usize)?;
        let selection = match (*args).ca_tgt_bitmap {
            bitmap if bitmap.is_null() => Selection::All,
            bitmap => Selection::Bitmap(slice::from_raw_parts(bitmap, (*args).ca_tgt_bitmap_sz as usize)),
        };
        let future = Future::new(selection.count(layout.targets))?;
        let shared = Shared { func, arg: (*args).ca_func_args, done: future.handle() };
        let aggregator = if ops.co_reduce.is_some() { (*args).ca_aggregator } else { ptr::null_mut() };
        (*args).ca_stream_args.csa_streams = streams.as_ptr();
        let mut call = Call {
            ops: &ops,
            aggregator,
            layout,
            streams: streams.as_ptr(),
            shared: &shared,
            future: &future,
            unit,
            flags,
        };
        let rc = collective::run(&mut call, layout.targets, selection);
        (*args).ca_stream_args.csa_streams = ptr::null_mut();
        Ok(rc)
    }
}

/// A collective call without reduction.
///
/// # Safety
/// `func` may be called with `arg` on all main xstreams at once.
unsafe fn call_plain(
    symbol: &str,
    func: Option<CollFn>,
    arg: *mut c_void,
    unit: Unit,
    flags: c_uint,
) -> c_int {
    let mut ops =
        dss_coll_ops { co_func: func, co_reduce: None, co_reduce_arg_alloc: None, co_reduce_arg_free: None };
    let mut args = dss_coll_args {
        ca_func_args: arg,
        ca_aggregator: ptr::null_mut(),
        ca_tgt_bitmap: ptr::null_mut(),
        ca_tgt_bitmap_sz: 0,
        ca_stream_args: abi::dss_coll_stream_args { csa_streams: ptr::null_mut() },
    };
    // SAFETY: see the function.
    unsafe { call(symbol, &raw mut ops, &raw mut args, unit, flags) }.unwrap_or_else(Der::rc)
}

/// What `dss_build_coll_bitmap` builds: the bitmap and its size in bytes.
fn build_bitmap(excluded: &[c_int]) -> Result<(Zeroed<u8>, u32)> {
    let targets = Layout::current().targets;
    if targets == 0 {
        error!(
            Facility::SERVER,
            "no bitmap of targets: the engine has none, it has not started or has stopped"
        );
        return Err(Der::new(DER_CANCELED.into()));
    }
    let len = collective::bitmap_len(targets);
    // SAFETY: any byte is valid; the slice covers the new memory.
    let (memory, bitmap) = unsafe {
        let memory = Zeroed::<u8>::new(len)?;
        let bitmap = slice::from_raw_parts_mut(memory.as_ptr(), len);
        (memory, bitmap)
    };
    collective::fill_bitmap(bitmap, targets, excluded).inspect_err(|_| {
        error!(
            Facility::SERVER,
            "cannot exclude targets {excluded:?} from a collective call: there are {targets}"
        );
    })?;
    Ok((memory, len as u32))
}

abi::export! {
    /// `dss_task_collective_reduce` (ult.c): runs `co_func` in a tasklet, which must not block, on the main
    /// xstream of every selected target, waits, and reduces what they report. See [`collective::run`] for the
    /// order of the callbacks.
    ///
    /// Returns the first failure in the order of the targets, or 0; -DER_INVAL without a function or with an
    /// allocation callback that has no free callback; -DER_CANCELED when the engine has stopped.
    pub unsafe fn dss_task_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { call("dss_task_collective_reduce", ops, coll_args, Unit::Tasklet, flags) }
            .unwrap_or_else(Der::rc)
    }

    /// `dss_thread_collective_reduce` (ult.c): [`dss_task_collective_reduce`] with ULTs, which may block. `flags`
    /// may hold `DSS_ULT_DEEP_STACK`.
    pub unsafe fn dss_thread_collective_reduce(
        ops: *mut dss_coll_ops,
        coll_args: *mut dss_coll_args,
        flags: c_uint,
    ) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { call("dss_thread_collective_reduce", ops, coll_args, Unit::Ult, flags) }
            .unwrap_or_else(Der::rc)
    }

    /// `dss_task_collective` (ult.c): [`dss_task_collective_reduce`] on all targets, without reduction.
    pub unsafe fn dss_task_collective(func: Option<CollFn>, arg: *mut c_void, flags: c_uint) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { call_plain("dss_task_collective", func, arg, Unit::Tasklet, flags) }
    }

    /// `dss_thread_collective` (ult.c): [`dss_thread_collective_reduce`] on all targets, without reduction.
    pub unsafe fn dss_thread_collective(func: Option<CollFn>, arg: *mut c_void, flags: c_uint) -> c_int {
        // SAFETY: as the caller's contract says.
        unsafe { call_plain("dss_thread_collective", func, arg, Unit::Ult, flags) }
    }

    /// `dss_build_coll_bitmap` (ult.c): a bitmap that selects all targets but the `exclude_cnt` ones in
    /// `exclude_tgts`, which may be null. `*p_bitmap`, of `*bitmap_sz` bytes, is the caller's, to be freed by
    /// `D_FREE`.
    ///
    /// Returns 0; -DER_INVAL when it should exclude a target that does not exist; -DER_CANCELED when the engine
    /// has no targets; -DER_NOMEM.
    pub unsafe fn dss_build_coll_bitmap(
        exclude_tgts: *mut c_int,
        exclude_cnt: u32,
        p_bitmap: *mut *mut u8,
        bitmap_sz: *mut u32,
    ) -> c_int {
        let excluded = if exclude_tgts.is_null() {
            &[]
        } else {
            // SAFETY: the caller vouches for that many targets.
            unsafe { slice::from_raw_parts(exclude_tgts, exclude_cnt as usize) }
        };
        Der::rc_of(build_bitmap(excluded).map(|(bitmap, len)| {
            // SAFETY: the caller gives somewhere to write both.
            unsafe {
                *p_bitmap = bitmap.into_raw();
                *bitmap_sz = len;
            }
        }))
    }
}
