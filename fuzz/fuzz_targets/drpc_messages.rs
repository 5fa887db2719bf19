//! Any bytes as a call and as a response: what is read is written back as the same message.
#![no_main]

use common::drpc::message::{Call, Response};
use libfuzzer_sys::fuzz_target;

// Provides the symbols that error messages need.
extern crate gurt as _;

fuzz_target!(|wire: &[u8]| {
    if let Ok((call, unknown)) = Call::decode(wire) {
        let mut again = Vec::new();
        call.encode(&mut again);
        assert_eq!(again.len(), call.encoded_len());
        unknown.iter().for_each(|field| field.encode(&mut again));
        assert_eq!(Call::decode(&again), Ok((call, unknown)));
    }
    if let Ok((response, unknown)) = Response::decode(wire) {
        let mut again = Vec::new();
        response.encode(&mut again);
        assert_eq!(again.len(), response.encoded_len());
        unknown.iter().for_each(|field| field.encode(&mut again));
        assert_eq!(Response::decode(&again), Ok((response, unknown)));
    }
});
