//! The incast variables of `iv_demo`, as somebody sees them who can ask all engines.

use crate::examples::iv_demo::{
    Calls, Class, FETCH, INVALIDATE, LEAD, Leader, MODULE, Outcome, REPORT, Report, Request, Sync, UPDATE,
};
use crate::message::Status;
use crate::{Cluster, Connection, Failure};
use prost::Message;
use std::io;

impl Request {
    /// A note with a text.
    pub fn note(key: &str, text: &str, sync: Sync) -> Self {
        Request {
            class: Class::Note.into(),
            key: key.into(),
            text: text.into(),
            sync: sync.into(),
            ..Request::default()
        }
    }

    /// A tally, to which `amount` is added at the leader only.
    pub fn tally(key: &str, amount: u64) -> Self {
        Request {
            class: Class::Tally.into(),
            key: key.into(),
            amount,
            sync: Sync::None.into(),
            ..Request::default()
        }
    }
}

/// Runs one operation over a connection of its own.
pub fn operate(connection: &mut Connection, method: i32, request: &Request) -> io::Result<Outcome> {
    let answer = connection.call(MODULE, method, request.encode_to_vec())?;
    if answer.status() != Status::Success {
        return Err(io::Error::other(format!("iv_demo answered {:?}", answer.status())));
    }
    Outcome::decode(answer.body.as_slice()).map_err(io::Error::other)
}

/// What happened at all ranks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Ranks that an update has passed on its way to the leader, both ends included.
    pub updates: u64,
    /// Ranks that have answered a fetch.
    pub reads: u64,
    /// Ranks that were brought a value.
    pub refreshes: u64,
    /// Ranks that have heard that a value is not valid any more.
    pub invalidations: u64,
}

impl Cluster {
    /// Runs one operation at `rank`, which must succeed.
    pub fn operate(&mut self, rank: u32, method: i32, request: &Request) -> Result<Outcome, Failure> {
        let engine = self.engine(rank);
        let outcome: Outcome = engine.ask(MODULE, method, request.encode_to_vec())?;
        match outcome.status {
            0 => Ok(outcome),
            code => Err(engine.failure(format!("iv_demo: method {method} at rank {rank} returned {code}"))),
        }
    }

    /// Writes a variable at `rank`.
    pub fn update(&mut self, rank: u32, request: &Request) -> Result<Outcome, Failure> {
        self.operate(rank, UPDATE, request)
    }

    /// Reads a variable at `rank`.
    pub fn fetch(&mut self, rank: u32, request: &Request) -> Result<Outcome, Failure> {
        self.operate(rank, FETCH, request)
    }

    /// Makes a variable invalid from `rank` on.
    pub fn invalidate(&mut self, rank: u32, request: &Request) -> Result<Outcome, Failure> {
        self.operate(rank, INVALIDATE, request)
    }

    /// Tells all engines that `rank` leads from `term` on.
    pub fn lead(&mut self, rank: u32, term: u64) -> Result<(), Failure> {
        let body = Leader { rank, term }.encode_to_vec();
        for told in self.ranks() {
            let engine = self.engine(told);
            let outcome: Outcome = engine.ask(MODULE, LEAD, body.clone())?;
            if outcome.status != 0 {
                return Err(
                    engine.failure(format!("iv_demo: rank {told} follows nobody: {}", outcome.status))
                );
            }
        }
        Ok(())
    }

    /// What each engine knows.
    pub fn reports(&mut self) -> Result<Vec<Report>, Failure> {
        self.ranks().map(|rank| self.engine(rank).ask(MODULE, REPORT, Vec::new())).collect()
    }

    /// What happened so far at all ranks together, to variables of a class.
    pub fn traffic(&mut self, class: Class) -> Result<Traffic, Failure> {
        let add = |sum: Traffic, calls: &Calls| Traffic {
            updates: sum.updates + calls.updates,
            reads: sum.reads + calls.reads,
            refreshes: sum.refreshes + calls.refreshes,
            invalidations: sum.invalidations + calls.invalidations,
        };
        let reports = self.reports()?;
        let calls = reports.iter().filter_map(|report| report.calls.get(class as usize));
        Ok(calls.fold(Traffic::default(), add))
    }

    /// What `act` makes happen at all ranks together, and its result.
    pub fn watch<T>(
        &mut self,
        class: Class,
        act: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<(T, Traffic), Failure> {
        let before = self.traffic(class)?;
        let result = act(self)?;
        let after = self.traffic(class)?;
        let happened = Traffic {
            updates: after.updates - before.updates,
            reads: after.reads - before.reads,
            refreshes: after.refreshes - before.refreshes,
            invalidations: after.invalidations - before.invalidations,
        };
        Ok((result, happened))
    }
}
