//! Several engines of one system, each under a control plane of its own, as on several hosts. Together the control planes
//! do what DAOS's do: they keep the group, and take out of it who is dead.

use crate::message::{GroupUpdate, Member, event};
use crate::{Failure, Options, System};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What a loaded machine may take for what a healthy engine does at once.
const LIMIT: Duration = Duration::from_secs(30);

/// Engines with the ranks 0, 1 and so on, of which some may have been killed.
pub struct Cluster {
    engines: Vec<Option<System>>,
    /// Who belongs to the group, in this version.
    group: GroupUpdate,
}

impl Cluster {
    /// Starts `size` engines alike.
    pub fn start(options: &Options, size: u32) -> Result<Self, Failure> {
        Self::start_each(&vec![options.clone(); size as usize])
    }

    /// Starts engines at the same time, one for each of `options`, and waits until each has said that it is ready. They
    /// know nothing of each other yet.
    pub fn start_each(options: &[Options]) -> Result<Self, Failure> {
        let started: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> =
                options.iter().map(|options| scope.spawn(|| System::start(options))).collect();
            starting.into_iter().map(|thread| thread.join().expect("starting does not panic")).collect()
        });
        let engines: Vec<System> = started.into_iter().collect::<Result<_, _>>()?;
        let member = |(rank, engine): (u32, &System)| Member {
            rank,
            uri: engine.ready().uri.clone(),
            incarnation: engine.ready().incarnation,
        };
        // SetRank names the version before: that in which the engines joined.
        let group = GroupUpdate { map_version: 2, engines: (0..).zip(&engines).map(member).collect() };
        Ok(Cluster { engines: engines.into_iter().map(Some).collect(), group })
    }

    /// Starts `size` engines, gives each its rank and all of them the group, and sets them up.
    pub fn start_up(options: &Options, size: u32) -> Result<Self, Failure> {
        let mut cluster = Self::start(options, size)?;
        cluster.bring_up()?;
        Ok(cluster)
    }

    /// Gives each engine its rank and the group, then sets all up.
    pub fn bring_up(&mut self) -> Result<(), Failure> {
        for (rank, engine) in (0..).zip(self.engines.iter_mut().flatten()) {
            engine.set_rank(rank)?;
        }
        self.tell_group()?;
        self.engines.iter_mut().flatten().try_for_each(System::set_up)
    }

    /// Tells all engines who belongs to the group.
    fn tell_group(&mut self) -> Result<(), Failure> {
        let group = &self.group;
        self.engines.iter_mut().flatten().try_for_each(|engine| engine.update_group(group))
    }

    /// Who belongs to the group, and where each is reached.
    pub fn group(&self) -> &GroupUpdate {
        &self.group
    }

    /// The ranks that run.
    pub fn ranks(&self) -> impl Iterator<Item = u32> + use<> {
        let running: Vec<u32> =
            (0..).zip(&self.engines).filter_map(|(rank, engine)| engine.as_ref().map(|_| rank)).collect();
        running.into_iter()
    }

    /// The engine of a rank, which runs.
    pub fn engine(&mut self, rank: u32) -> &mut System {
        self.engines[rank as usize].as_mut().expect("the rank runs")
    }

    /// Kills the engine of a rank, which has no time to tell anybody.
    pub fn kill(&mut self, rank: u32) -> Result<(), Failure> {
        let mut killed = self.engines[rank as usize].take().expect("the rank runs");
        killed.engine().signal(Signal::KILL)?;
        match killed.engine().wait(LIMIT) {
            Some(_) => Ok(()),
            None => Err(killed.failure("SIGKILL did not end the engine")),
        }
    }

    /// Waits until an engine tells that `rank` is dead, and returns who did.
    pub fn wait_dead(&mut self, rank: u32, limit: Duration) -> Result<u32, Failure> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            for (witness, engine) in (0..).zip(&self.engines) {
                let Some(engine) = engine else { continue };
                while let Some(told) = engine.wait_event(Duration::from_millis(1)) {
                    if (told.id, told.rank) == (event::RANK_DEAD, rank) {
                        return Ok(witness);
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let witness = self.engines.iter().flatten().next().expect("an engine runs");
        Err(witness.failure(format!("nobody told in {limit:?} that rank {rank} is dead")))
    }

    /// Takes `rank` out of the group, and tells all engines so.
    pub fn exclude(&mut self, rank: u32) -> Result<(), Failure> {
        self.group.engines.retain(|member| member.rank != rank);
        self.group.map_version += 1;
        self.tell_group()
    }

    /// Stops all engines that run, each of which must end well.
    pub fn stop(mut self) -> Result<(), Failure> {
        for engine in self.engines.iter_mut().flatten() {
            engine.engine().terminate()?;
        }
        for engine in self.engines.iter_mut().flatten() {
            match engine.engine().wait(LIMIT) {
                Some(status) if status.success() => {}
                Some(status) => return Err(engine.failure(format!("an engine ended with {status}"))),
                None => {
                    return Err(
                        engine.failure(format!("SIGTERM did not stop an engine in {} s", LIMIT.as_secs()))
                    );
                }
            }
        }
        Ok(())
    }
}
