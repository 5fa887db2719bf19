//! Memory that C code frees: `D_ALLOC` and `D_FREE` of `gurt/common.h`.

use core::ffi::c_void;
use core::ptr::NonNull;

/// Whether fault injection wants this allocation to fail: `D_SHOULD_FAIL(d_fault_attr_mem)`.
fn injected() -> bool {
    // SAFETY: both variables are written when fault injection starts; d_should_fail takes any attribute.
    // Miri knows no variables of C.
    unsafe {
        !cfg!(miri)
            && (&raw const abi::d_fault_inject).read() != 0
            && abi::d_should_fail((&raw const abi::d_fault_attr_mem).read())
    }
}

/// `D_ALLOC`: `size` zeroed bytes, or `None` when memory is short or a fault is injected.
pub fn allocate(size: usize) -> Option<NonNull<c_void>> {
    // SAFETY: takes any size. malloc may return null for 0 bytes, which would read as a failure.
    let memory = NonNull::new(unsafe { abi::d_calloc(1, size.max(1)) })?;
    if injected() {
        // SAFETY: just allocated, and nobody else knows of it.
        unsafe { free(memory.as_ptr()) };
        return None;
    }
    Some(memory)
}

/// `D_ALLOC_ARRAY`: memory for `count` values, all zeroes, which is a value of every `Copy` type of `abi`.
pub fn array<T: Copy>(count: usize) -> Option<NonNull<T>> {
    const { assert!(align_of::<T>() <= 16, "malloc aligns to 16 bytes") };
    Some(allocate(count.checked_mul(size_of::<T>())?)?.cast())
}

/// A copy of `values`, null if there are none, as C's lists have it. `None` when memory is short.
pub fn copied<T: Copy>(values: &[T]) -> Option<*mut T> {
    if values.is_empty() {
        return Some(core::ptr::null_mut());
    }
    let memory = array::<T>(values.len())?.as_ptr();
    // SAFETY: just allocated for as many values.
    unsafe { memory.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    Some(memory)
}

/// `D_REALLOC_ARRAY`: changes the length of an array; new elements are zeroes, length 0 frees it. `None`, and
/// the array is as before, when memory is short or a fault is injected.
///
/// # Safety
/// `*array` is null or an array of `old` elements from a function of this module or `D_ALLOC_ARRAY`.
pub unsafe fn resize<T: Copy>(array: &mut *mut T, old: usize, new: usize) -> Option<()> {
    const { assert!(align_of::<T>() <= 16, "malloc aligns to 16 bytes") };
    if new == 0 {
        // SAFETY: the caller's array.
        unsafe { free(core::mem::replace(array, core::ptr::null_mut())) };
        return Some(());
    }
    let size = new.checked_mul(size_of::<T>())?;
    if injected() {
        return None;
    }
    // SAFETY: the caller's array; the memory has room for `new` elements afterwards.
    unsafe {
        let memory = NonNull::new(abi::d_realloc((*array).cast(), size))?.cast::<T>();
        if new > old {
            memory.add(old).write_bytes(0, new - old);
        }
        *array = memory.as_ptr();
    }
    Some(())
}

/// `D_ALLOC_PTR` and assignment: `value` in memory of its own.
pub fn boxed<T: Copy>(value: T) -> Option<NonNull<T>> {
    const { assert!(align_of::<T>() <= 16, "malloc aligns to 16 bytes") };
    let memory = allocate(size_of::<T>())?.cast::<T>();
    // SAFETY: large enough and aligned, see above.
    unsafe { memory.write(value) };
    Some(memory)
}

/// `D_FREE`, without the assignment of null.
///
/// # Safety
/// `memory` is null or came from `D_ALLOC`, `malloc` or a function of this module, and is not used again.
pub unsafe fn free<T>(memory: *mut T) {
    // SAFETY: the caller vouches for it; d_free takes null.
    unsafe { abi::d_free(memory.cast()) }
}
