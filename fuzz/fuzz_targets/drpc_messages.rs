//! Any bytes as a call and as a response: what is read is written back as the same message.
#![no_main]

use std::ptr;

use abi::{Drpc__Call, Drpc__Response, ProtobufCAllocator};
use common::drpc::pb_c::{
    drpc__call__free_unpacked, drpc__call__get_packed_size, drpc__call__pack, drpc__call__unpack,
    drpc__response__free_unpacked, drpc__response__get_packed_size, drpc__response__pack, drpc__response__unpack,
};
use libfuzzer_sys::fuzz_target;

// Provides the symbols that error messages need.
extern crate gurt as _;

/// The functions of a message.
struct Functions<M> {
    size: unsafe extern "C" fn(*const M) -> usize,
    pack: unsafe extern "C" fn(*const M, *mut u8) -> usize,
    unpack: unsafe extern "C" fn(*mut ProtobufCAllocator, usize, *const u8) -> *mut M,
    free: unsafe extern "C" fn(*mut M, *mut ProtobufCAllocator),
}

const CALL: Functions<Drpc__Call> = Functions {
    size: drpc__call__get_packed_size,
    pack: drpc__call__pack,
    unpack: drpc__call__unpack,
    free: drpc__call__free_unpacked,
};
const RESPONSE: Functions<Drpc__Response> = Functions {
    size: drpc__response__get_packed_size,
    pack: drpc__response__pack,
    unpack: drpc__response__unpack,
    free: drpc__response__free_unpacked,
};

/// Reads a message and writes it; none when the bytes are none.
fn rewrite<M>(functions: &Functions<M>, wire: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: that many bytes, and as much room as the message says.
    unsafe {
        let message = (functions.unpack)(ptr::null_mut(), wire.len(), wire.as_ptr());
        if message.is_null() {
            return None;
        }
        let mut again = vec![0; (functions.size)(message)];
        assert_eq!((functions.pack)(message, again.as_mut_ptr()), again.len());
        (functions.free)(message, ptr::null_mut());
        Some(again)
    }
}

fn check<M>(functions: &Functions<M>, wire: &[u8]) {
    if let Some(again) = rewrite(functions, wire) {
        assert_eq!(rewrite(functions, &again), Some(again));
    }
}

fuzz_target!(|wire: &[u8]| {
    check(&CALL, wire);
    check(&RESPONSE, wire);
});
