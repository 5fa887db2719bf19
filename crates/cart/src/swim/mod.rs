//! SWIM: which ranks of a group are alive, found out by gossip. `swim/swim.c` and `crt_swim.c`.
//!
//! Every node pings one other a period, in a random order that it goes through again and again. Who does not
//! answer is pinged through a few others; if no answer comes that way either, it is *suspected*, and when a
//! suspicion is not refuted in time, *dead*. What a node learns it tells with every ping and every answer. A node
//! that hears of its own suspicion takes a new *incarnation*, which refutes it everywhere.
//!
//! [`Detector`] is the protocol of one node as a value: it is told the time, the requests and the answers, and says
//! what to send. It knows no clock, no network and no other node.

mod detector;
mod gossip;
mod members;
#[cfg(test)]
mod tests;

pub use detector::{Detector, Moment, Outcome, Progress};
pub use gossip::Update;

use crate::Rank;
use members::Members;

/// Milliseconds on a clock that never goes back.
pub type Millis = u64;

/// What a node believes of another: `enum swim_member_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It answers.
    Alive,
    /// It has not answered; unless it says otherwise in time, it is dead.
    Suspect,
    /// It has been suspected for too long.
    Dead,
    /// Nothing is known yet; it is asked, but its silence says nothing.
    Inactive,
}

/// `struct swim_member_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Which life of the member this is about: a later one has a higher number.
    pub incarnation: u64,
    /// What is believed of it.
    pub status: Status,
    /// How long messages from it take, in milliseconds: a running mean.
    pub delay: u32,
}

/// The parameters of the protocol, in milliseconds. Those of DAOS by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often another node is pinged: `SWIM_PROTOCOL_PERIOD_LEN`.
    pub period: Millis,
    /// How long a suspicion may stand: `SWIM_SUSPECT_TIMEOUT`. Without any, who does not answer is dead at once.
    pub suspect_timeout: Millis,
    /// How long to wait for an answer: `SWIM_PING_TIMEOUT`. At most a third of the period.
    pub ping_timeout: Millis,
    /// How many others are asked to ping a node that does not answer: `SWIM_SUBGROUP_SIZE`.
    pub subgroup: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { period: 1000, suspect_timeout: 20_000, ping_timeout: 900, subgroup: 2 }
    }
}

/// What a node has to do. `T` stands for a request that is answered later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<T> {
    /// Send a request: a ping if it is about the one that it goes to, else the wish to ping `about`.
    Ask {
        /// Whom to ask.
        to: Rank,
        /// Whose life it is about.
        about: Rank,
        /// Gossip for the request.
        updates: Vec<Update>,
    },
    /// Answer a request that was held.
    Answer {
        /// The request.
        request: T,
        /// What came of it.
        outcome: Outcome,
        /// Gossip for the answer.
        updates: Vec<Update>,
    },
    /// Tell whoever wants to know that a member has come to life or is dead.
    Tell {
        /// The member.
        rank: Rank,
        /// Alive or dead.
        status: Status,
        /// In which life.
        incarnation: u64,
    },
}
