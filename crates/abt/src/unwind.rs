//! Walking the stack of a ULT that does not run, from another stack.

use crate::arch;
use crate::handle::Handle;
use crate::thread::Thread;
use core::ffi::{c_int, c_void};

/// Deeper frames are left out.
const MOST: usize = 64;

type Frame = *mut c_void;

unsafe extern "C" {
    fn _Unwind_Backtrace(visit: unsafe extern "C" fn(Frame, *mut c_void) -> c_int, arg: *mut c_void)
    -> c_int;
    fn _Unwind_GetIP(frame: Frame) -> usize;
}

const GO_ON: c_int = 0;
const STOP: c_int = 5;

/// Code addresses of the frames of a stopped ULT, innermost first.
pub(crate) fn frames(unit: Handle<Thread>) -> Vec<usize> {
    let mut frames: Vec<usize> = Vec::with_capacity(MOST);
    // SAFETY: the caller's execution stream owns the unit, so its context stays as it is.
    unsafe { arch::visit_as(unit.context(), walk, (&raw mut frames).cast()) };
    // The first frame is that of the walk itself.
    frames.drain(..frames.len().min(2));
    frames
}

unsafe extern "C" fn walk(frames: *mut c_void) {
    // SAFETY: the callback gets the argument back as it was.
    unsafe { _Unwind_Backtrace(visit, frames) };
}

unsafe extern "C" fn visit(frame: Frame, frames: *mut c_void) -> c_int {
    // SAFETY: `frames` is the vector of `frames`; it has room for `MOST`.
    unsafe {
        let frames = &mut *frames.cast::<Vec<usize>>();
        let address = _Unwind_GetIP(frame);
        if address == 0 || frames.len() == MOST {
            return STOP;
        }
        frames.push(address);
    }
    GO_ON
}
