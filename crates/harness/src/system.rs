//! A control plane with one engine, brought up as daos_server does it.

use crate::message::{
    DaosResponse, Event, GroupUpdate, NotifyReady, Rank, Response, SetRank, Status, method, module,
};
use crate::{Connection, ControlPlane, Engine, Options};
use prost::Message;
use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// For starting, for stopping, and for each operation on a connection. A healthy engine needs milliseconds;
/// this is what a loaded machine may take.
const LIMIT: Duration = Duration::from_secs(30);
/// DAOS 2.8.0 as engines exchange it: major, minor, patch, protocol.
const DAOS_VERSION: u32 = 0x0208_0001;

/// Why something failed: a sentence, and the end of the engine's log.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub sentence: String,
    /// The last lines that the engine wrote.
    pub log_tail: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.sentence)?;
        if self.log_tail.is_empty() {
            Ok(())
        } else {
            write!(f, "\nthe engine's last lines:\n{}", self.log_tail)
        }
    }
}

impl std::error::Error for Failure {}

/// One engine under a control plane, in a directory of their own that goes with them.
pub struct System {
    engine: Engine,
    ready: NotifyReady,
    connection: Connection,
    // Dropped last: the engine must be gone before its control plane and its directory are.
    control_plane: ControlPlane,
    directory: TempDir,
}

impl System {
    /// Starts an engine and waits for its NotifyReady. It has no rank yet, and its modules are not set up.
    pub fn start(options: &Options) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("daos_engine.").tempdir().map_err(early)?;
        let control_plane = ControlPlane::listen(directory.path()).map_err(early)?;
        let mut engine = Engine::start(options, directory.path())
            .map_err(|error| early(format!("cannot start {}: {error}", options.program.display())))?;
        let ready = match wait_ready(&mut engine, &control_plane) {
            Ok(ready) => ready,
            Err(sentence) => return Err(late(&engine, sentence)),
        };
        let connection = Connection::open(Path::new(&ready.drpc_listener_sock), LIMIT).map_err(|error| {
            late(&engine, format!("no connection to {}: {error}", ready.drpc_listener_sock))
        })?;
        Ok(Self { engine, ready, connection, control_plane, directory })
    }

    /// Starts an engine, gives it rank 0, and sets up its modules.
    pub fn start_up(options: &Options) -> Result<Self, Failure> {
        let mut system = Self::start(options)?;
        system.set_rank(0)?;
        system.set_up()?;
        Ok(system)
    }

    /// What the engine said of itself.
    pub fn ready(&self) -> &NotifyReady {
        &self.ready
    }

    /// The engine's process.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Where the sockets and the logs are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A further connection to the engine.
    pub fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(Path::new(&self.ready.drpc_listener_sock), LIMIT)
            .map_err(|error| late(&self.engine, format!("no further connection: {error}")))
    }

    /// Calls a method over the system's own connection.
    pub fn call(&mut self, module: i32, method: i32, body: Vec<u8>) -> Result<Response, Failure> {
        self.connection
            .call(module, method, body)
            .map_err(|error| late(&self.engine, format!("call {module}/{method} had no answer: {error}")))
    }

    /// Calls a method that must succeed, and reads its answer.
    pub fn ask<T: Message + Default>(
        &mut self,
        module: i32,
        method: i32,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let response = self.call(module, method, body)?;
        if response.status() != Status::Success {
            return Err(late(&self.engine, format!("call {module}/{method}: {:?}", response.status())));
        }
        T::decode(response.body.as_slice()).map_err(|error| {
            late(&self.engine, format!("call {module}/{method}: unreadable answer: {error}"))
        })
    }

    /// SetRank.
    pub fn set_rank(&mut self, rank: u32) -> Result<(), Failure> {
        let body = SetRank { rank, map_version: 1, daos_version: DAOS_VERSION }.encode_to_vec();
        self.manage("SetRank", method::SET_RANK, body)
    }

    /// GroupUpdate.
    pub fn update_group(&mut self, group: &GroupUpdate) -> Result<(), Failure> {
        self.manage("GroupUpdate", method::GROUP_UPDATE, group.encode_to_vec())
    }

    /// Waits for an event that the engine tells its control plane of, at most for `limit`.
    pub fn wait_event(&self, limit: Duration) -> Option<Event> {
        self.control_plane.wait_event(limit)
    }

    /// SetUp: after it, the engine serves.
    pub fn set_up(&mut self) -> Result<(), Failure> {
        self.manage("SetUp", method::SET_UP, Vec::new())
    }

    /// PingRank.
    pub fn ping(&mut self, rank: u32) -> Result<(), Failure> {
        self.manage("PingRank", method::PING_RANK, Rank { rank }.encode_to_vec())
    }

    /// PrepShutdown.
    pub fn prepare_shutdown(&mut self, rank: u32) -> Result<(), Failure> {
        self.manage("PrepShutdown", method::PREP_SHUTDOWN, Rank { rank }.encode_to_vec())
    }

    fn manage(&mut self, name: &str, method: i32, body: Vec<u8>) -> Result<(), Failure> {
        match self.ask::<DaosResponse>(module::MGMT, method, body)?.status {
            0 => Ok(()),
            code => Err(late(&self.engine, format!("{name} returned {code}"))),
        }
    }

    /// Stops the engine by SIGTERM and returns its exit status.
    pub fn stop(&mut self) -> Result<ExitStatus, Failure> {
        self.engine.terminate().map_err(|error| late(&self.engine, error))?;
        match self.engine.wait(LIMIT) {
            Some(status) => Ok(status),
            None => {
                Err(late(&self.engine, format!("SIGTERM did not stop the engine in {} s", LIMIT.as_secs())))
            }
        }
    }

    /// Turns whatever went wrong into a failure with the end of the log.
    pub fn failure(&self, sentence: impl ToString) -> Failure {
        late(&self.engine, sentence)
    }
}

/// Waits for the notification, or for the engine's end if it gives up.
fn wait_ready(engine: &mut Engine, control_plane: &ControlPlane) -> Result<NotifyReady, String> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(ready) = control_plane.wait_ready(Duration::from_millis(20)) {
            return Ok(ready);
        }
        if let Some(status) = engine.exited() {
            return Err(format!("the engine ended before it was ready: {status}"));
        }
        if Instant::now() >= end {
            return Err(format!("the engine was not ready after {} s", LIMIT.as_secs()));
        }
    }
}

fn early(error: impl ToString) -> Failure {
    Failure { sentence: error.to_string(), log_tail: String::new() }
}

fn late(engine: &Engine, error: impl ToString) -> Failure {
    Failure { sentence: error.to_string(), log_tail: engine.log_tail(20) }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        early(error)
    }
}
