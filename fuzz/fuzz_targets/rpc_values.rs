//! Any bytes as the values of an RPC: what is unpacked can be packed again, and all of it is freed.
//!
//! The first byte says how many values there are, the next ones of what kinds; the rest is the message.
#![no_main]

use std::ffi::c_void;
use std::ptr;

use abi::*;
use libfuzzer_sys::fuzz_target;

// What is tried, and the symbols that its error messages need.
extern crate cart as _;
extern crate gurt as _;

/// Where a value of any kind can be.
#[repr(C, align(16))]
struct Room([u8; 32]);

/// Packs, unpacks or frees a value of the kind.
///
/// # Safety
/// The room holds a value of this kind, or none yet if it is to be unpacked.
unsafe fn work(kind: u8, handle: crt_proc_t, op: crt_proc_op_t, room: &mut Room) -> i32 {
    let value: *mut c_void = ptr::from_mut(room).cast();
    // SAFETY: by the caller's promise; the room is as large as the largest of them.
    unsafe {
        match kind % 10 {
            0 => crt_proc_uint8_t(handle, op, value.cast()),
            1 => crt_proc_int16_t(handle, op, value.cast()),
            2 => crt_proc_uint32_t(handle, op, value.cast()),
            3 => crt_proc_int64_t(handle, op, value.cast()),
            4 => crt_proc_bool(handle, op, value.cast()),
            5 => crt_proc_uuid_t(handle, op, value.cast()),
            6 => crt_proc_d_string_t(handle, op, value.cast()),
            7 => crt_proc_d_rank_list_t(handle, op, value.cast()),
            8 => crt_proc_d_iov_t(handle, op, value.cast()),
            _ => crt_proc_d_sg_list_t(handle, op, value.cast()),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else { return };
    let Some((kinds, message)) = rest.split_at_checked(usize::from(count % 16)) else { return };
    let mut message = message.to_vec();
    let mut packed = vec![0u8; 2 * message.len() + 16];
    let (mut reader, mut writer) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the buffers outlive the handles, and each value is used as what it is.
    unsafe {
        let (from, to) = (message.as_mut_ptr().cast(), packed.as_mut_ptr().cast());
        assert_eq!(crt_proc_create(ptr::null_mut(), from, message.len(), CRT_PROC_DECODE, &mut reader), 0);
        assert_eq!(crt_proc_create(ptr::null_mut(), to, packed.len(), CRT_PROC_ENCODE, &mut writer), 0);
        for &kind in kinds {
            let mut room = Room([0xff; 32]);
            if work(kind, reader, CRT_PROC_DECODE, &mut room) != 0 {
                break;
            }
            assert_eq!(work(kind, writer, CRT_PROC_ENCODE, &mut room), 0);
            assert_eq!(work(kind, reader, CRT_PROC_FREE, &mut room), 0);
        }
        assert!(crp_proc_get_size_used(reader) <= message.len());
        assert!(crp_proc_get_size_used(writer) <= packed.len());
        assert_eq!(crt_proc_destroy(reader), 0);
        assert_eq!(crt_proc_destroy(writer), 0);
    }
});
