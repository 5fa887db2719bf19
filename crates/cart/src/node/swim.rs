//! The failure detector of a process, over its own requests: `crt_swim.c`.
//!
//! A ping and the wish to have another pinged are requests to the same context of another rank. They are packed as DAOS
//! packs them: `struct crt_rpc_swim_in` and `_out`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gurt_client::{Der, Facility, Result, debug, error, warn};

use super::settings::SWIM_CONTEXT;
use super::{Attached, Network, News, Node, User, der, lock, millis};
use crate::Rank;
use crate::proc::{Malformed, Reader, Writer};
use crate::rpc::{Answer, Call, Incoming, IncomingId, Now, Rpc};
use crate::swim::{Action, Detector, Millis, Moment, Outcome, Settings, State, Status, Update};

/// `CRT_OPC_SWIM_BASE`.
pub const BASE: u32 = 0xfe00_0000;
/// `CRT_OPC_SWIM_VERSION`.
const VERSION: u32 = 2;
/// `SWIM_RPC_PING`: is answered at once.
const PING: u32 = BASE | VERSION << 16;
/// `SWIM_RPC_IREQ`: asks for a ping of another.
const INDIRECT: u32 = PING + 1;
/// Bytes of a `struct swim_member_update`.
const UPDATE: usize = 24;

/// Whether a request is the detector's.
pub(super) fn is_swim(opcode: u32) -> bool {
    opcode == PING || opcode == INDIRECT
}

/// What belongs to a request of the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    to: Rank,
    about: Rank,
}

/// The detector of a process.
pub(super) struct Swim {
    /// Whether it runs, or has run.
    registered: bool,
    running: bool,
    /// A server's life, before it has a detector and after.
    incarnation: u64,
    settings: Settings,
    detector: Option<Detector<IncomingId>>,
    random: fastrand::Rng,
}

impl Swim {
    pub(super) fn new(settings: Settings, incarnation: u64) -> Self {
        Swim {
            registered: false,
            running: false,
            incarnation,
            settings,
            detector: None,
            random: fastrand::Rng::with_seed(incarnation),
        }
    }

    /// The detector, if it runs.
    fn running(&mut self) -> Option<&mut Detector<IncomingId>> {
        self.detector.as_mut().filter(|_| self.running)
    }
}

type Actions = Vec<Action<IncomingId>>;

impl<U: User> Node<U> {
    /// Starts the detector on its context: `crt_swim_init`. `-DER_ALREADY` if it runs, `-DER_INVAL` for another context.
    pub fn start_swim(&self, tag: u32) -> Result {
        if tag != SWIM_CONTEXT || self.network(tag).is_none() {
            error!(
                Facility::SWIM,
                "the failure detector runs on context {SWIM_CONTEXT}, not on {tag}: create it first"
            );
            return Err(der::INVAL);
        }
        let first = {
            let mut swim = lock(&self.swim);
            if swim.running {
                error!(Facility::SWIM, "the failure detector runs already");
                return Err(der::ALREADY);
            }
            swim.detector = Some(Detector::new(swim.settings, moment(self.now())));
            swim.running = true;
            !std::mem::replace(&mut swim.registered, true)
        };
        if first {
            let rpc = Rpc { queue_front: true, ..Rpc::default() };
            // It is there already if a user has registered one like it.
            let _ = self.register(BASE, VERSION, vec![rpc; 2]);
        }
        let (rank, members) = self.read(|directory| {
            let primary = &directory.groups().primary;
            (primary.rank(), primary.members().clone())
        });
        if let Some(me) = rank {
            self.swim_joined(me);
            let others = members.as_slice().iter().filter(|rank| **rank != me);
            self.swim_changed(&others.map(|&rank| (rank, 0)).collect::<Vec<_>>(), &[], &[]);
        }
        Ok(())
    }

    /// Ends the detector: `crt_swim_fini`.
    pub fn stop_swim(&self) {
        let mut swim = lock(&self.swim);
        if let Some(detector) = &swim.detector {
            swim.incarnation = detector.incarnation();
        }
        (swim.running, swim.detector) = (false, None);
    }

    /// This life of the process: `crt_self_incarnation_get`.
    pub fn incarnation(&self) -> u64 {
        let swim = lock(&self.swim);
        swim.detector.as_ref().map_or(swim.incarnation, Detector::incarnation)
    }

    /// What is believed of a rank: `crt_rank_state_get`.
    pub fn state(&self, rank: Rank) -> Option<State> {
        lock(&self.swim).detector.as_ref()?.state(rank)
    }

    /// This process has become a rank.
    pub(super) fn swim_joined(&self, me: Rank) {
        if let Some(detector) = lock(&self.swim).running() {
            detector.set_self(Some(me));
            detector.add(me, 0);
        }
    }

    /// Ranks, with their lives, have come, gone, and were there before.
    pub(super) fn swim_changed(&self, added: &[(Rank, u64)], removed: &[Rank], kept: &[(Rank, u64)]) {
        let mut actions = Vec::new();
        {
            let mut swim = lock(&self.swim);
            let mut random = swim.random.fork();
            let Some(detector) = swim.running() else { return };
            for &(rank, incarnation) in added {
                detector.add(rank, incarnation);
            }
            for &rank in removed {
                detector.remove(rank);
            }
            for &(rank, incarnation) in kept {
                detector.revive(rank, incarnation, &mut actions);
            }
            if !added.is_empty() {
                detector.shuffle(&mut random);
            }
        }
        self.swim_act(actions);
    }

    /// Does what is due, if this is the detector's context. When it wants to be called again.
    pub(super) fn attend_swim(&self, network: &Arc<Network<U>>) -> Option<Duration> {
        if network.tag() != SWIM_CONTEXT {
            return None;
        }
        let now = moment(self.now());
        let mut actions = Vec::new();
        let next = lock(&self.swim).running()?.progress(now, &mut actions)?.next;
        self.swim_act(actions);
        Some(millis(next.saturating_sub(now.millis)))
    }

    /// Does what the detector wants. It is not locked meanwhile. Who is told of a rank may have given this thread
    /// something to do, so that it must not go on waiting.
    pub(super) fn swim_act(&self, actions: Actions) {
        for action in actions {
            match action {
                Action::Ask { to, about, updates } => self.swim_ask(to, about, &updates),
                Action::Answer { request, outcome, updates } => {
                    if let Some(network) = self.network(SWIM_CONTEXT) {
                        self.swim_answer(&network, request, outcome, None, &updates);
                    }
                }
                Action::Tell { rank, status, incarnation } => {
                    let alive = status == Status::Alive;
                    self.user.rank_changed(News { rank, incarnation, detected: true, alive });
                    if let Some(network) = self.network(SWIM_CONTEXT) {
                        network.wake();
                    }
                }
            }
        }
    }

    fn swim_ask(&self, to: Rank, about: Rank, updates: &[Update]) {
        let Some(network) = self.network(SWIM_CONTEXT) else { return };
        let direct = to == about;
        let mut seconds = self.swim_ping_timeout().div_ceil(1000).max(1);
        if !direct {
            // The other has to wait for an answer too.
            seconds *= 2;
        }
        let call = Call {
            group: None,
            rank: to,
            tag: SWIM_CONTEXT,
            opcode: if direct { PING } else { INDIRECT },
            flags: 0,
            body: question(about, updates),
            timeout: Some(seconds * crate::rpc::SECOND),
        };
        network.with(|context, now| context.send(now, call, Attached::Swim(Asked { to, about })));
    }

    fn swim_ping_timeout(&self) -> Millis {
        let swim = lock(&self.swim);
        swim.detector.as_ref().map_or(swim.settings, Detector::settings).ping_timeout
    }

    /// A request of this process has ended.
    pub(super) fn swim_completed(&self, network: &Network<U>, asked: Asked, result: Result<Answer>) {
        let Asked { to, about } = asked;
        let now = self.now();
        let mut delay = 0;
        let (outcome, excluded, updates) = match result {
            Ok(answer) => {
                delay = (self.clock.millis)(now.hlc.saturating_sub(answer.hlc));
                match read_answer(&answer.body) {
                    Ok((rc, excluded, updates)) => (outcome(Der::check(rc).map(drop)), excluded, updates),
                    Err(malformed) => {
                        warn!(
                            Facility::SWIM,
                            "rank {to} has answered a ping with bytes that say nothing: {malformed}"
                        );
                        (Outcome::Failed, 0, Vec::new())
                    }
                }
            }
            Err(error) => {
                debug!(
                    Facility::SWIM,
                    "context {}: no answer to a ping of rank {to}: {error}",
                    network.tag()
                );
                (outcome(Err(error)), 0, Vec::new())
            }
        };
        let mut actions = Vec::new();
        if let Some(detector) = lock(&self.swim).running() {
            if !updates.is_empty() {
                detector.measure(to, delay.min(u32::MAX.into()) as u32, &updates);
            }
            detector.ended(moment(now), to, about, outcome, &updates, &mut actions);
        }
        self.swim_act(actions);
        self.swim_excluded(excluded);
    }

    /// Another one says that this process is no member of the group at that version, if it is not 0.
    fn swim_excluded(&self, version: u32) {
        let joined = self.read(|directory| directory.groups().primary.joined());
        if let Some(joined) = joined.filter(|joined| version > joined.version) {
            warn!(
                Facility::SWIM,
                "this rank, {}, is excluded since version {version} of the group", joined.rank
            );
            let incarnation = self.incarnation();
            self.user.rank_changed(News { rank: joined.rank, incarnation, detected: false, alive: false });
        }
    }

    /// Another one pings, or wants somebody pinged.
    pub(super) fn swim_request(&self, network: &Arc<Network<U>>, incoming: Incoming) {
        let now = self.now();
        let (about, updates) = match read_question(&incoming.body) {
            Ok(question) => question,
            Err(malformed) => {
                warn!(Facility::SWIM, "a ping from {:?} says nothing: {malformed}", incoming.source);
                return self.swim_answer(network, incoming.id, Outcome::Failed, incoming.source, &[]);
            }
        };
        let Some(from) = incoming.source else {
            return self.swim_answer(network, incoming.id, Outcome::Failed, None, &[]);
        };
        let me = self.read(|directory| directory.groups().primary.rank());
        let delay = (self.clock.millis)(now.hlc.saturating_sub(incoming.hlc));
        let mut actions = Vec::new();
        let mut swim = lock(&self.swim);
        let Some(detector) = swim.running() else {
            drop(swim);
            return self.swim_answer(network, incoming.id, Outcome::NotReady, Some(from), &[]);
        };
        if me.is_none() {
            let early = incoming.target.map(|rank| detector.pinged_early(moment(now), rank, &updates));
            drop(swim);
            let outcome = Outcome::Answered;
            return self.swim_answer(network, incoming.id, outcome, Some(from), &early.unwrap_or_default());
        }
        detector.measure(from, delay.min(u32::MAX.into()) as u32, &updates);
        let answer = match incoming.opcode {
            PING => Some(detector.pinged(moment(now), from, &updates, &mut actions)),
            _ => {
                detector.asked_for_ping(moment(now), incoming.id, from, about, &updates, &mut actions);
                None
            }
        };
        drop(swim);
        if let Some((outcome, updates)) = answer {
            self.swim_answer(network, incoming.id, outcome, Some(from), &updates);
        }
        self.swim_act(actions);
    }

    /// Answers a request of `from`.
    fn swim_answer(
        &self,
        network: &Network<U>,
        id: IncomingId,
        outcome: Outcome,
        from: Option<Rank>,
        updates: &[Update],
    ) {
        let rc = match outcome {
            Outcome::Answered => 0,
            Outcome::NotReady => der::UNINIT.rc(),
            Outcome::TimedOut => -(abi::DER_TIMEDOUT as i32),
            Outcome::Failed => -(abi::DER_UNREACH as i32),
        };
        // Who has been excluded does not hear of it from the group.
        let excluded = self.read(|directory| {
            let primary = &directory.groups().primary;
            let stranger = from.is_some_and(|rank| !primary.members().contains(rank));
            if stranger { primary.version() } else { 0 }
        });
        network.reply(id, Ok(()), answer(rc, excluded, updates));
    }
}

fn moment(now: Now) -> Moment {
    Moment { millis: now.nanos / 1_000_000, stamp: now.hlc }
}

fn outcome(result: Result) -> Outcome {
    match result.map_err(|error| (-error.rc()) as u32) {
        Ok(()) => Outcome::Answered,
        Err(error) if error == abi::DER_UNINIT || error == abi::DER_NONEXIST => Outcome::NotReady,
        Err(error) if error == abi::DER_TIMEDOUT => Outcome::TimedOut,
        Err(_) => Outcome::Failed,
    }
}

fn question(about: Rank, updates: &[Update]) -> Bytes {
    let mut writer = Writer::default();
    writer.put(&u64::from(about).to_le_bytes());
    put_updates(&mut writer, updates);
    finished(writer)
}

fn answer(rc: i32, excluded: u32, updates: &[Update]) -> Bytes {
    let mut writer = Writer::default();
    writer.put(&rc.to_le_bytes());
    writer.put(&excluded.to_le_bytes());
    put_updates(&mut writer, updates);
    finished(writer)
}

fn finished(writer: Writer<'_>) -> Bytes {
    writer.into_bytes().expect("it was not packed into a buffer").into()
}

fn put_updates(writer: &mut Writer<'_>, updates: &[Update]) {
    writer.put(&(updates.len() as u64).to_le_bytes());
    for Update { rank, state } in updates {
        let status: u32 = match state.status {
            Status::Alive => abi::SWIM_MEMBER_ALIVE,
            Status::Suspect => abi::SWIM_MEMBER_SUSPECT,
            Status::Dead => abi::SWIM_MEMBER_DEAD,
            Status::Inactive => abi::SWIM_MEMBER_INACTIVE,
        };
        writer.put(&u64::from(*rank).to_le_bytes());
        writer.put(&state.incarnation.to_le_bytes());
        writer.put(&status.to_le_bytes());
        writer.put(&state.delay.to_le_bytes());
    }
}

type Read<T> = std::result::Result<T, Malformed>;

fn read_question(body: &[u8]) -> Read<(Rank, Vec<Update>)> {
    let mut reader = Reader::new(body);
    let about = number(&mut reader)?;
    // No rank has such a number, so nobody will be pinged.
    Ok((Rank::try_from(about).unwrap_or(Rank::MAX), read_updates(&mut reader)?))
}

fn read_answer(body: &[u8]) -> Read<(i32, u32, Vec<Update>)> {
    let mut reader = Reader::new(body);
    Ok((reader.u32()? as i32, reader.u32()?, read_updates(&mut reader)?))
}

fn number(reader: &mut Reader<'_>) -> Read<u64> {
    let low = u64::from(reader.u32()?);
    Ok(low | u64::from(reader.u32()?) << 32)
}

/// The news in a message; those of no rank or status are left out.
fn read_updates(reader: &mut Reader<'_>) -> Read<Vec<Update>> {
    let count = number(reader)?;
    let bytes = reader.take(count.saturating_mul(UPDATE as u64))?;
    let (updates, _) = bytes.as_chunks::<UPDATE>();
    let known = updates.iter().filter_map(|update| {
        let mut reader = Reader::new(update);
        let (rank, incarnation) = (number(&mut reader).ok()?, number(&mut reader).ok()?);
        let status = match reader.u32().ok()? {
            abi::SWIM_MEMBER_ALIVE => Status::Alive,
            abi::SWIM_MEMBER_SUSPECT => Status::Suspect,
            abi::SWIM_MEMBER_DEAD => Status::Dead,
            abi::SWIM_MEMBER_INACTIVE => Status::Inactive,
            _ => return None,
        };
        let state = State { incarnation, status, delay: reader.u32().ok()? };
        Some(Update { rank: Rank::try_from(rank).ok()?, state })
    });
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWS: Update =
        Update { rank: 3, state: State { incarnation: 9, status: Status::Suspect, delay: 7 } };

    #[test]
    fn bytes_are_those_of_daos() {
        let expected = [
            &[5u8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0][..],
            &[3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0],
        ];
        assert_eq!(question(5, &[NEWS]), expected.concat());
        assert_eq!(read_question(&question(5, &[NEWS])), Ok((5, vec![NEWS])));
        assert_eq!(read_answer(&answer(-1, 2, &[NEWS])), Ok((-1, 2, vec![NEWS])));
    }

    #[test]
    fn messages_are_not_taken_on_trust() {
        let mut message = answer(0, 0, &[NEWS]).to_vec();
        for size in 0..message.len() {
            assert!(read_answer(&message[..size]).is_err());
        }
        message[8..16].fill(0xff);
        assert!(read_answer(&message).is_err());
        let mut strange = answer(0, 0, &[NEWS, NEWS]).to_vec();
        strange[16 + 4] = 1;
        strange[16 + UPDATE + 16] = 9;
        assert_eq!(read_answer(&strange), Ok((0, 0, vec![])));
    }
}
