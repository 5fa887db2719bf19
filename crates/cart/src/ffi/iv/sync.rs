//! How an update spreads, as C says it and as it goes over the wire.

use abi::{crt_iv_sync_t, d_iov_t};
use gurt_client::{Result, error};

use super::{INVAL, IV};
use crate::iv::{Event, Mode, SyncPolicy};

/// What C means. `-DER_INVAL` and a line in the log if it cannot be meant.
pub fn policy(raw: &crt_iv_sync_t) -> Result<SyncPolicy> {
    let crt_iv_sync_t { ivs_mode, ivs_event, ivs_flags } = *raw;
    let mode = match ivs_mode {
        abi::CRT_IV_SYNC_NONE => Some(Mode::None),
        abi::CRT_IV_SYNC_EAGER => Some(Mode::Eager),
        abi::CRT_IV_SYNC_LAZY => Some(Mode::Lazy),
        _ => None,
    };
    let bidirectional = ivs_flags & abi::CRT_IV_SYNC_BIDIRECTIONAL != 0;
    let event = match ivs_event {
        abi::CRT_IV_SYNC_EVENT_UPDATE => Some(Event::Update),
        abi::CRT_IV_SYNC_EVENT_NOTIFY => Some(Event::Notify),
        // Where nobody is told, it does not matter of what.
        _ if mode == Some(Mode::None) && !bidirectional => Some(Event::Update),
        _ => None,
    };
    let (Some(mode), Some(event)) = (mode, event) else {
        error!(
            IV,
            "IV updates do not spread with mode {ivs_mode} (0 none, 1 eager, 2 lazy) and event {ivs_event} \
             (1 update, 2 notify)"
        );
        return Err(INVAL);
    };
    if bidirectional && (mode, event) != (Mode::None, Event::Update) {
        error!(
            IV,
            "a bidirectional IV update has mode CRT_IV_SYNC_NONE and event CRT_IV_SYNC_EVENT_UPDATE, not \
             {ivs_mode} and {ivs_event}"
        );
        return Err(INVAL);
    }
    let expects_namespace = ivs_flags & abi::CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL != 0;
    Ok(SyncPolicy { mode, event, bidirectional, expects_namespace })
}

/// What C calls it.
pub fn raw(policy: &SyncPolicy) -> crt_iv_sync_t {
    let flag = |set, flag| if set { flag } else { 0 };
    crt_iv_sync_t {
        ivs_mode: match policy.mode {
            Mode::None => abi::CRT_IV_SYNC_NONE,
            Mode::Eager => abi::CRT_IV_SYNC_EAGER,
            Mode::Lazy => abi::CRT_IV_SYNC_LAZY,
        },
        ivs_event: match policy.event {
            Event::Update => abi::CRT_IV_SYNC_EVENT_UPDATE,
            Event::Notify => abi::CRT_IV_SYNC_EVENT_NOTIFY,
        },
        ivs_flags: flag(policy.bidirectional, abi::CRT_IV_SYNC_BIDIRECTIONAL)
            | flag(policy.expects_namespace, abi::CRT_IV_SYNC_FLAG_NS_ERRORS_FATAL),
    }
}

/// What a peer sent.
///
/// # Safety
/// The vector has as many bytes as it says.
pub unsafe fn from_wire(vector: &d_iov_t) -> Result<SyncPolicy> {
    if vector.iov_buf.is_null() || vector.iov_len != size_of::<crt_iv_sync_t>() {
        let (len, want) = (vector.iov_len, size_of::<crt_iv_sync_t>());
        error!(IV, "a peer sent {len} bytes for how an IV update spreads, which takes {want}");
        return Err(INVAL);
    }
    // SAFETY: of that size, see above; any bytes make three numbers.
    policy(&unsafe { vector.iov_buf.cast::<crt_iv_sync_t>().read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn sync(ivs_mode: u32, ivs_event: u32, ivs_flags: u32) -> crt_iv_sync_t {
        crt_iv_sync_t { ivs_mode, ivs_event, ivs_flags }
    }

    #[test]
    fn what_can_be_meant_survives() {
        for known in
            [sync(0, 1, 0), sync(0, 1, 2), sync(0, 2, 1), sync(1, 1, 0), sync(1, 2, 1), sync(2, 2, 0)]
        {
            let sync = raw(&policy(&known).unwrap());
            assert_eq!(
                (sync.ivs_mode, sync.ivs_event, sync.ivs_flags),
                (known.ivs_mode, known.ivs_event, known.ivs_flags)
            );
        }
        assert_eq!(policy(&sync(0, 0, 0)).unwrap().mode, Mode::None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in
            [sync(3, 1, 0), sync(1, 0, 0), sync(2, 3, 0), sync(1, 1, 2), sync(0, 2, 2), sync(0, 0, 2)]
        {
            assert_eq!(policy(&wrong).unwrap_err(), INVAL);
        }
    }

    #[test]
    fn peers_may_send_anything() {
        let bytes = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        // SAFETY: vectors of as many bytes as they say, the second one unaligned.
        unsafe {
            assert!(from_wire(&super::super::vector(&bytes[..12])).is_ok());
            assert!(from_wire(&super::super::vector(&bytes[1..])).is_err());
            assert!(from_wire(&super::super::vector(&bytes)).is_err());
            assert!(from_wire(&super::super::NO_VECTOR).is_err());
        }
    }
}
