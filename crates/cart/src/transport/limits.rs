//! What a transport keeps at most.

use std::time::Duration;

use crate::wire::MaxFrame;

/// What a transport keeps at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The size of a frame.
    pub frame: MaxFrame,
    /// Connections that others have opened.
    pub accepted: usize,
    /// Of those, how many have not said yet who they are.
    pub unknown: usize,
    /// How long they have time to.
    pub handshake: Duration,
    /// From so many bytes on that a peer has not taken, it is not read from.
    pub pause: usize,
    /// At so many it is cut off.
    pub peer: usize,
    /// And at so many for all, whoever should get more.
    pub all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            frame: MaxFrame::default(),
            accepted: 16 << 10,
            unknown: 256,
            handshake: Duration::from_secs(5),
            pause: 4 << 20,
            peer: 512 << 20,
            all: 2 << 30,
        }
    }
}
