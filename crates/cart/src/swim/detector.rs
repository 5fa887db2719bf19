//! The protocol of one node.

use std::collections::VecDeque;

use super::gossip::Gossip;
use super::{Action, Members, Millis, Settings, State, Status, Update};
use crate::Rank;

/// A moment, as a node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For all waiting.
    pub millis: Millis,
    /// For incarnations: later than any that was given out in the system before, as a hybrid logical clock is.
    pub stamp: u64,
}

/// How a ping ended, one's own or another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was an answer.
    Answered,
    /// There was an answer, and it says that the other does not take part yet (`-DER_UNINIT`, `-DER_NONEXIST`).
    NotReady,
    /// There was none in time.
    TimedOut,
    /// The request could not be sent, or was refused.
    Failed,
}

/// How the state machine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it wants to be called again, unless a message comes before.
    pub next: Millis,
}

/// Where the current target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// One has to be found.
    Select,
    /// It is pinged when the next period begins.
    Begin,
    /// It was pinged.
    Pinged,
    /// It did not answer; others are asked to ping it.
    AskOthers,
    /// They were asked.
    OthersAsked,
}

/// A member that is suspected.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    rank: Rank,
    /// Who said so first.
    from: Rank,
    deadline: Millis,
}

/// A request to ping another, held until that answers.
#[derive(Clone, Debug)]
struct Held<T> {
    request: T,
    from: Rank,
    about: Rank,
    deadline: Millis,
}

/// The failure detector of one node. `T` stands for a request that it holds.
#[derive(Debug)]
pub struct Detector<T> {
    settings: Settings,
    /// What the ping timeout never falls below.
    shortest_ping_timeout: Millis,
    me: Option<Rank>,
    incarnation: u64,
    members: Members,
    gossip: Gossip,
    suspects: Vec<Suspicion>,
    held: Vec<Held<T>>,
    phase: Phase,
    target: Option<Rank>,
    /// Who is still to be asked to ping the target.
    helpers: VecDeque<Rank>,
    /// When the wait for an answer ends.
    deadline: Millis,
    /// When the next period begins.
    period_begins: Millis,
    /// When the state machine was called last.
    called: Option<Millis>,
    /// When the last message came.
    heard: Millis,
    /// Messages that took too long, and those that did not, since the timeouts were last looked at.
    late: u32,
    timely: u32,
    /// Whether all members' lives were put in doubt; see [`suspend`](Self::suspend).
    suspended: bool,
}

/// More late messages than this double all timeouts: `CRT_SWIM_NGLITCHES_TRESHOLD`.
const LATE_MESSAGES: u32 = 10;
/// After more timely messages than this the ping timeout is fitted anew: `CRT_SWIM_NMESSAGES_TRESHOLD`.
const TIMELY_MESSAGES: u32 = 1000;

impl<T> Detector<T> {
    /// A detector that does not take part yet.
    pub fn new(settings: Settings, now: Moment) -> Self {
        Detector {
            settings,
            shortest_ping_timeout: settings.ping_timeout,
            me: None,
            incarnation: now.stamp,
            members: Members::default(),
            gossip: Gossip::default(),
            suspects: Vec::new(),
            held: Vec::new(),
            phase: Phase::Select,
            target: None,
            helpers: VecDeque::new(),
            deadline: 0,
            // Until the others have come up.
            period_begins: now.millis + 3 * settings.period,
            called: None,
            heard: now.millis,
            late: 0,
            timely: 0,
            suspended: false,
        }
    }

    /// The parameters in force; timeouts grow on a slow network.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// The incarnation of this node.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What is believed of a member: `crt_rank_state_get`.
    pub fn state(&self, rank: Rank) -> Option<State> {
        self.members.get(rank)
    }

    /// Takes part as `rank`, or no longer.
    pub fn set_self(&mut self, me: Option<Rank>) {
        self.me = me;
        if me.is_none() {
            // Silence is no outage then.
            self.called = None;
        }
    }

    /// Adds a member, alive in the given incarnation (0: not known). False if it is one already.
    pub fn add(&mut self, rank: Rank, incarnation: u64) -> bool {
        let own = Some(rank) == self.me && incarnation == 0;
        let incarnation = if own { self.incarnation } else { incarnation };
        self.members.add(rank, State { incarnation, status: Status::Alive, delay: 0 })
    }

    /// Takes a member out. False if it is none.
    pub fn remove(&mut self, rank: Rank) -> bool {
        self.suspects.retain(|suspicion| suspicion.rank != rank);
        if Some(rank) == self.me {
            self.set_self(None);
        }
        self.members.remove(rank)
    }

    /// Puts the order of pings at random: after a batch of members has been added.
    pub fn shuffle(&mut self, random: &mut fastrand::Rng) {
        self.members.shuffle(random);
    }

    /// A member is known to have come to a new life.
    pub fn revive(&mut self, rank: Rank, incarnation: u64, actions: &mut Vec<Action<T>>) {
        if let Some(state) = self.members.get(rank).filter(|state| state.incarnation < incarnation) {
            self.believe(rank, State { incarnation, status: Status::Alive, ..state }, actions);
        }
    }

    /// Puts the lives of all others in doubt, without telling anybody: until each has answered once, its silence
    /// says nothing. `crt_swim_suspend_all`.
    pub fn suspend(&mut self) {
        self.suspended = true;
        let others: Vec<_> = self.members.iter().filter(|&(rank, _)| Some(rank) != self.me).collect();
        for (rank, state) in others {
            self.members.set(rank, State { status: Status::Inactive, ..state });
        }
    }

    /// Does what is due. Nothing is, while this node does not take part.
    pub fn progress(&mut self, now: Moment, actions: &mut Vec<Action<T>>) -> Option<Progress> {
        let me = self.me?;
        let now = now.millis;
        // While this node itself was not there, nobody could answer it.
        let away = self.called.map_or(0, |called| now.saturating_sub(called));
        if away > self.settings.period {
            self.shift(None, away);
        }
        self.note_outage(now);
        let mut next = now + self.settings.period;
        self.expire_suspicions(me, now, &mut next, actions);
        self.expire_held(now, &mut next, actions);
        while self.step(me, now, &mut next, actions) {}
        self.called = Some(now);
        Some(Progress { next })
    }

    /// One step of the state machine; false when it has to wait.
    fn step(&mut self, me: Rank, now: Millis, next: &mut Millis, actions: &mut Vec<Action<T>>) -> bool {
        let target = self.target.and_then(|rank| Some((rank, self.members.get(rank)?)));
        let Some((target, state)) = target.filter(|_| self.phase != Phase::Select) else {
            self.phase = Phase::Select;
            self.helpers.clear();
            self.target = self.members.next(|rank, status| rank != me && status != Status::Dead);
            if self.target.is_some() {
                self.phase = Phase::Begin;
            }
            return self.target.is_some();
        };
        let due = if self.phase == Phase::Begin { self.period_begins } else { self.deadline };
        if now <= due && self.phase != Phase::AskOthers {
            *next = (*next).min(due + 1);
            return false;
        }
        match self.phase {
            Phase::Begin => {
                self.period_begins = now + self.settings.period;
                self.deadline = now + self.patience(state);
                self.phase = Phase::Pinged;
                self.ask(target, target, actions);
            }
            Phase::Pinged if state.status == Status::Inactive => self.phase = Phase::Select,
            Phase::Pinged => {
                let is_helper = |rank, status| rank != me && rank != target && status == Status::Alive;
                for _ in 0..self.settings.subgroup {
                    let helper = self.members.next(is_helper);
                    self.helpers.extend(helper.filter(|helper| !self.helpers.contains(helper)));
                }
                self.phase = Phase::AskOthers;
            }
            Phase::AskOthers => match self.helpers.pop_front() {
                Some(helper) => {
                    self.deadline = self.deadline.max(now + 2 * self.patience(state));
                    self.ask(helper, target, actions);
                }
                None => self.phase = Phase::OthersAsked,
            },
            Phase::OthersAsked => {
                if state.status != Status::Inactive {
                    self.suspect(me, target, state.incarnation, now, actions);
                }
                self.phase = Phase::Select;
            }
            Phase::Select => {}
        }
        true
    }

    /// How long to wait for the answer of a member.
    fn patience(&self, state: State) -> Millis {
        let round_trip = 2 * Millis::from(state.delay);
        let timeout = self.settings.ping_timeout;
        if (timeout..=3 * timeout).contains(&round_trip) { round_trip } else { timeout }
    }

    /// Asks `to` about `about`; a ping when they are the same.
    fn ask(&mut self, to: Rank, about: Rank, actions: &mut Vec<Action<T>>) {
        if let Some(updates) = self.gossip_for(about, to) {
            actions.push(Action::Ask { to, about, updates });
        }
    }

    /// The gossip for a message to `to` about `about`; none if one of them is no member.
    fn gossip_for(&mut self, about: Rank, to: Rank) -> Option<Vec<Update>> {
        let mut first = vec![about];
        for rank in [self.me?, to] {
            if !first.contains(&rank) {
                first.push(rank);
            }
        }
        self.gossip.tell(&self.members, &first)
    }

    /// A ping has come. Returns what to answer, with `Answered`; `NotReady` with no gossip from a stranger.
    pub fn pinged(
        &mut self,
        now: Moment,
        from: Rank,
        updates: &[Update],
        actions: &mut Vec<Action<T>>,
    ) -> (Outcome, Vec<Update>) {
        self.heard = now.millis;
        self.hear(now, from, from, updates, actions);
        match self.gossip_for(from, from) {
            Some(updates) => (Outcome::Answered, updates),
            None => (Outcome::NotReady, Vec::new()),
        }
    }

    /// The wish to ping `about` has come. It is answered by an action.
    pub fn asked_for_ping(
        &mut self,
        now: Moment,
        request: T,
        from: Rank,
        about: Rank,
        updates: &[Update],
        actions: &mut Vec<Action<T>>,
    ) {
        self.heard = now.millis;
        self.hear(now, from, from, updates, actions);
        if self.me.is_none() || self.members.get(about).is_none() {
            actions.push(Action::Answer { request, outcome: Outcome::NotReady, updates: Vec::new() });
            return;
        }
        let pinging = self.held.iter().any(|held| held.about == about);
        let deadline = now.millis + self.settings.ping_timeout;
        self.held.push(Held { request, from, about, deadline });
        // One ping answers all who wait for it.
        if !pinging {
            self.ask(about, about, actions);
        }
    }

    /// A request of this node to `to` about `about` has ended.
    pub fn ended(
        &mut self,
        now: Moment,
        to: Rank,
        about: Rank,
        outcome: Outcome,
        updates: &[Update],
        actions: &mut Vec<Action<T>>,
    ) {
        match outcome {
            Outcome::TimedOut | Outcome::Failed => {
                // No use waiting for it any longer.
                if self.target == Some(to) {
                    self.deadline = 0;
                }
                // Who was asked for a ping has answered, though nobody did whom it was about.
                if !updates.is_empty() {
                    self.heard = now.millis;
                    self.hear(now, to, to, updates, actions);
                }
            }
            Outcome::Answered => {
                self.heard = now.millis;
                self.hear(now, to, about, updates, actions);
            }
            Outcome::NotReady => {
                self.heard = now.millis;
                // It lives, though it has nothing to tell.
                let alive = self.members.get(to).map(|state| State { status: Status::Alive, ..state });
                let updates: Vec<_> = alive.map(|state| Update { rank: to, state }).into_iter().collect();
                self.hear(now, to, to, &updates, actions);
            }
        }
        if to == about {
            self.answer_held(|held| held.about == to, outcome, actions);
        }
    }

    /// Answers those held requests that are meant.
    fn answer_held(
        &mut self,
        is_meant: impl Fn(&Held<T>) -> bool,
        outcome: Outcome,
        actions: &mut Vec<Action<T>>,
    ) {
        let meant: Vec<_> = self.held.extract_if(.., |held| is_meant(held)).collect();
        for Held { request, from, about, .. } in meant {
            let updates = self.gossip_for(about, from).unwrap_or_default();
            actions.push(Action::Answer { request, outcome, updates });
        }
    }

    /// Takes in what `from` tells, in a message that shows that `from` and `about` live.
    fn hear(
        &mut self,
        now: Moment,
        from: Rank,
        about: Rank,
        updates: &[Update],
        actions: &mut Vec<Action<T>>,
    ) {
        let Some(me) = self.me else { return };
        if self.target.is_some_and(|target| target == from || target == about)
            && self.phase != Phase::AskOthers
        {
            self.phase = Phase::Select;
        }
        // Whoever is dead or no member tells nothing about others.
        let trusted = self.members.get(from).is_some_and(|state| state.status != Status::Dead);
        for &Update { rank, state } in updates {
            match state.status {
                _ if rank == me => self.hear_of_myself(now, me, state, actions),
                Status::Alive => self.alive(rank, state.incarnation, actions),
                Status::Suspect if trusted => {
                    self.suspect(from, rank, state.incarnation, now.millis, actions)
                }
                Status::Dead if trusted => self.dead(rank, state.incarnation, actions),
                Status::Suspect | Status::Dead | Status::Inactive => {}
            }
        }
    }

    /// A rumour that this node is not well is refuted by a new incarnation.
    fn hear_of_myself(&mut self, now: Moment, me: Rank, heard: State, actions: &mut Vec<Action<T>>) {
        let rumour = matches!(heard.status, Status::Suspect | Status::Dead);
        let Some(own) = self.members.get(me).filter(|own| rumour && own.incarnation <= heard.incarnation)
        else {
            return;
        };
        // Never below the rumour, were the clock to fail.
        self.incarnation = now.stamp.max(heard.incarnation.saturating_add(1));
        self.gossip.spread(me);
        self.believe(me, State { incarnation: self.incarnation, ..own }, actions);
    }

    /// Somebody says that `rank` is alive.
    fn alive(&mut self, rank: Rank, incarnation: u64, actions: &mut Vec<Action<T>>) {
        let Some(known) = self.members.get(rank) else { return };
        if known.status == Status::Inactive {
            // That it has come up everybody finds out for himself.
            self.gossip.whisper(rank);
        } else if incarnation > known.incarnation {
            self.gossip.spread(rank);
        } else {
            // A suspicion is refuted by a new incarnation only, and the dead rise in no other way.
            return;
        }
        self.suspects.retain(|suspicion| suspicion.rank != rank);
        let incarnation = incarnation.max(known.incarnation);
        self.believe(rank, State { incarnation, status: Status::Alive, ..known }, actions);
    }

    /// Somebody suspects `rank`.
    fn suspect(
        &mut self,
        from: Rank,
        rank: Rank,
        incarnation: u64,
        now: Millis,
        actions: &mut Vec<Action<T>>,
    ) {
        if self.settings.suspect_timeout == 0 {
            return self.dead(rank, incarnation, actions);
        }
        let Some(known) = self.members.get(rank) else { return };
        let newer = incarnation > known.incarnation;
        let alive = known.status == Status::Alive && incarnation == known.incarnation;
        if known.status == Status::Inactive || !(newer || alive) {
            return;
        }
        self.suspects.retain(|suspicion| suspicion.rank != rank);
        self.suspects.push(Suspicion { rank, from, deadline: now + self.settings.suspect_timeout });
        self.gossip.spread(rank);
        // It is given more time from now on.
        let delay = known.delay.saturating_add(u32::try_from(self.settings.ping_timeout).unwrap_or(u32::MAX));
        self.believe(rank, State { incarnation, status: Status::Suspect, delay }, actions);
    }

    /// Somebody says that `rank` is dead.
    fn dead(&mut self, rank: Rank, incarnation: u64, actions: &mut Vec<Action<T>>) {
        let Some(known) = self.members.get(rank) else { return };
        let believable = match known.status {
            Status::Inactive => self.suspended,
            Status::Dead => incarnation > known.incarnation,
            Status::Alive | Status::Suspect => incarnation >= known.incarnation,
        };
        if !believable {
            return;
        }
        self.suspects.retain(|suspicion| suspicion.rank != rank);
        self.gossip.spread(rank);
        let incarnation = incarnation.max(known.incarnation);
        self.believe(rank, State { incarnation, status: Status::Dead, ..known }, actions);
    }

    /// Notes what is believed from now on, and tells of life and death.
    fn believe(&mut self, rank: Rank, state: State, actions: &mut Vec<Action<T>>) {
        self.members.set(rank, state);
        if matches!(state.status, Status::Alive | Status::Dead) {
            actions.push(Action::Tell { rank, status: state.status, incarnation: state.incarnation });
        }
    }

    /// What was suspected for too long is dead, once who said so first has been asked again.
    fn expire_suspicions(&mut self, me: Rank, now: Millis, next: &mut Millis, actions: &mut Vec<Action<T>>) {
        let mut to_ask = Vec::new();
        let mut dead = Vec::new();
        let ping_timeout = self.settings.ping_timeout;
        for suspicion in &mut self.suspects {
            if now <= suspicion.deadline {
                *next = (*next).min(suspicion.deadline + 1);
            } else if suspicion.from == me {
                dead.push(suspicion.rank);
            } else {
                to_ask.push((suspicion.from, suspicion.rank));
                suspicion.from = me;
                suspicion.deadline += ping_timeout;
            }
        }
        for rank in dead {
            match self.members.get(rank) {
                Some(state) if state.status == Status::Suspect => self.dead(rank, state.incarnation, actions),
                _ => self.suspects.retain(|suspicion| suspicion.rank != rank),
            }
        }
        for (from, rank) in to_ask {
            self.ask(from, rank, actions);
        }
    }

    fn expire_held(&mut self, now: Millis, next: &mut Millis, actions: &mut Vec<Action<T>>) {
        self.answer_held(|held| now > held.deadline, Outcome::TimedOut, actions);
        if let Some(first) = self.held.iter().map(|held| held.deadline + 1).min() {
            *next = (*next).min(first);
        }
    }

    /// Gives a member, or everybody, more time.
    fn shift(&mut self, rank: Option<Rank>, by: Millis) {
        let is_meant = |other: Rank| rank.is_none_or(|rank| rank == other);
        for suspicion in self.suspects.iter_mut().filter(|suspicion| is_meant(suspicion.rank)) {
            suspicion.deadline += by;
        }
        for held in self.held.iter_mut().filter(|held| is_meant(held.about)) {
            held.deadline += by;
        }
        if self.target.is_some_and(is_meant) && matches!(self.phase, Phase::Pinged | Phase::OthersAsked) {
            self.deadline += by;
        }
    }

    /// When nobody was heard for so long that suspicions might soon run out, it is the network that is out, not
    /// everybody else.
    fn note_outage(&mut self, now: Millis) {
        let silence = now.saturating_sub(self.heard);
        if self.members.living() > 2 && silence > self.settings.suspect_timeout * 2 / 3 {
            self.shift(None, silence);
            self.heard = now;
            // Its silence says nothing. To wait for it longer could go on for ever, were it put off again each time.
            self.phase = Phase::Select;
        }
    }

    /// Learns how long messages take: a message with gossip came from `from` after `delay` milliseconds. Call it
    /// before the message is handed over.
    pub fn measure(&mut self, from: Rank, delay: u32, updates: &[Update]) {
        let mean = |known: u32, new: u32| if known == 0 { new } else { known / 2 + new / 2 };
        let mut sender = 0;
        for update in updates {
            let Some(known) = self.members.delay_mut(update.rank) else { continue };
            let new = if update.rank == from { delay } else { update.state.delay };
            *known = mean(*known, new);
            if update.rank == from {
                sender = *known;
            }
        }
        let longest = self.settings.ping_timeout * 2 / 3;
        let over = |delay: u32| Millis::from(delay).checked_sub(longest).filter(|&over| over > 0);
        if let Some(by) = over(delay) {
            self.shift(None, by);
        }
        if let Some(by) = over(sender) {
            self.shift(Some(from), by);
        }
        if over(delay).or(over(sender)).is_some() {
            self.late += 1;
        } else {
            self.timely += 1;
        }
        if self.timely > TIMELY_MESSAGES {
            self.fit_ping_timeout();
            (self.late, self.timely) = (0, 0);
        }
        if self.late > LATE_MESSAGES {
            self.settings.suspect_timeout *= 2;
            self.settings.ping_timeout *= 2;
            self.settings.period *= 2;
            self.shortest_ping_timeout *= 2;
            self.late = 0;
        }
    }

    /// Fits the ping timeout to twice the mean delay: `crt_swim_accommodate`.
    fn fit_ping_timeout(&mut self) {
        let delays =
            self.members.iter().map(|(_, state)| Millis::from(state.delay)).filter(|&delay| delay > 0);
        let (count, sum) = delays.fold((0, 0), |(count, sum), delay| (count + 1, sum + delay));
        if count == 0 {
            return;
        }
        let longest = (self.settings.suspect_timeout / 3).max(self.shortest_ping_timeout);
        let fitting = (2 * sum / count).clamp(self.shortest_ping_timeout, longest);
        // Not for a small difference.
        if fitting / 32 != self.settings.ping_timeout / 32 {
            self.settings.ping_timeout = fitting;
        }
    }

    /// Answers a ping before this node takes part, so that it is not taken for dead: `swim_updates_short`. `rank` is
    /// the rank that the sender takes it for.
    pub fn pinged_early(&mut self, now: Moment, rank: Rank, updates: &[Update]) -> Vec<Update> {
        let rumour = updates.iter().any(|update| {
            update.rank == rank
                && update.state.incarnation >= self.incarnation
                && matches!(update.state.status, Status::Suspect | Status::Dead)
        });
        if rumour {
            self.incarnation = now.stamp;
        }
        let state = State { incarnation: self.incarnation, status: Status::Alive, delay: 0 };
        vec![Update { rank, state }]
    }
}
