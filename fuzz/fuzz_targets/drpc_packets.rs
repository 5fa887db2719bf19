//! Any packets: the assembly takes or refuses them, and holds no more memory than has arrived.
//!
//! The input is a sequence of packets, each preceded by its length in two bytes.
#![no_main]

use common::drpc::assembly::Assembly;
use libfuzzer_sys::fuzz_target;

// Provides the symbols that error messages need.
extern crate gurt as _;

fuzz_target!(|input: &[u8]| {
    let mut assembly = Assembly::default();
    let mut arrived = 0;
    let mut rest = input;
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let (packet, after) = after.split_at(after.len().min(u16::from_le_bytes(*len).into()));
        rest = after;
        arrived += packet.len();
        match assembly.push(packet) {
            Ok(Some(message)) => assert!(message.len() <= arrived),
            Ok(None) => assert!(assembly.is_partial()),
            Err(_) => assembly = Assembly::default(),
        }
    }
});
