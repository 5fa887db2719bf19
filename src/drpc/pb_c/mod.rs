//! The messages of the engine's dRPC in the layout of protobuf-c: one file a `.pb-c.c` file.
//!
//! The tables repeat the `.proto` files; what they make is in [`pb_c`].

#[cfg(feature = "check-engine-pb-c")]
mod check_engine;
#[cfg(feature = "event-pb-c")]
mod event;
#[cfg(feature = "srv-pb-c")]
mod srv;

#[cfg(all(test, feature = "srv-pb-c"))]
mod tests {
    use core::ffi::CStr;
    use std::ptr;

    use abi::*;
    use prost::Message;

    /// `srv.NotifyReadyReq` as prost has it.
    #[derive(Clone, PartialEq, prost::Message)]
    struct NotifyReadyReq {
        #[prost(string, tag = "1")]
        uri: String,
        #[prost(uint32, tag = "2")]
        nctxs: u32,
        #[prost(string, tag = "3")]
        drpc_listener_sock: String,
        #[prost(uint32, tag = "4")]
        instance_idx: u32,
        #[prost(uint32, tag = "5")]
        ntgts: u32,
        #[prost(uint64, tag = "6")]
        incarnation: u64,
        #[prost(string, repeated, tag = "7")]
        secondary_uris: Vec<String>,
        #[prost(uint32, repeated, tag = "8")]
        secondary_nctxs: Vec<u32>,
        #[prost(bool, tag = "9")]
        check_mode: bool,
    }

    #[test]
    fn messages_of_prost_are_read_and_written_alike() {
        let wire = NotifyReadyReq {
            uri: "ofi+tcp://host".into(),
            nctxs: 300,
            drpc_listener_sock: "/a/socket".into(),
            instance_idx: 0,
            ntgts: u32::MAX,
            incarnation: u64::MAX,
            secondary_uris: vec!["one".into(), String::new(), "three".into()],
            secondary_nctxs: vec![1, 0, 1 << 20],
            check_mode: true,
        }
        .encode_to_vec();
        // SAFETY: that many bytes; the message is ours until it is freed, and its strings and arrays are as it says.
        unsafe {
            let message = srv__notify_ready_req__unpack(ptr::null_mut(), wire.len(), wire.as_ptr());
            let read = message.as_ref().expect("a message");
            assert_eq!(CStr::from_ptr(read.drpclistenersock), c"/a/socket");
            assert_eq!((read.nctxs, read.ntgts, read.incarnation), (300, u32::MAX, u64::MAX));
            assert_eq!((read.n_secondaryuris, read.check_mode), (3, 1));
            assert_eq!(CStr::from_ptr(*read.secondaryuris.add(2)), c"three");
            assert_eq!(*read.secondarynctxs.add(2), 1 << 20);
            let mut again = vec![0; srv__notify_ready_req__get_packed_size(message)];
            assert_eq!(srv__notify_ready_req__pack(message, again.as_mut_ptr()), wire.len());
            assert_eq!(again, wire);
            srv__notify_ready_req__free_unpacked(message, ptr::null_mut());
        }
    }
}
