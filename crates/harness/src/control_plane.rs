//! The part of daos_server that an engine talks to: a listener that takes its upcalls.

use crate::connection::{Connection, new_socket};
use crate::message::{
    Call, ClusterEvent, ClusterEventSeen, Event, NotifyReady, Response, Status, method, module,
};
use prost::Message;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{SocketAddrUnix, SocketFlags, accept_with, bind, listen};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the listener looks whether it is to stop.
const TICK: Duration = Duration::from_millis(50);

/// A listener at `<socket directory>/daos_server.sock`, alive until it is dropped.
pub struct ControlPlane {
    ready: Receiver<NotifyReady>,
    events: Receiver<Event>,
    stop: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl ControlPlane {
    /// Listens in `directory`; engines started with it as their socket directory find it.
    pub fn listen(directory: &Path) -> io::Result<Self> {
        let socket = new_socket()?;
        bind(&socket, &SocketAddrUnix::new(directory.join("daos_server.sock"))?)?;
        listen(&socket, 64)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(TICK))?;
        let (tell_ready, ready) = channel();
        let (tell_event, events) = channel();
        let told = Told { ready: tell_ready, events: tell_event };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let listener = std::thread::spawn(move || serve(&socket, &told, &stopped));
        Ok(Self { ready, events, stop, listener: Some(listener) })
    }

    /// Waits for an engine's NotifyReady, at most for `limit`.
    pub fn wait_ready(&self, limit: Duration) -> Option<NotifyReady> {
        self.ready.recv_timeout(limit).ok()
    }

    /// Waits for an event that an engine tells of, at most for `limit`.
    pub fn wait_event(&self, limit: Duration) -> Option<Event> {
        self.events.recv_timeout(limit).ok()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Where what engines tell goes.
#[derive(Clone)]
struct Told {
    ready: Sender<NotifyReady>,
    events: Sender<Event>,
}

/// What an engine tells.
enum News {
    Ready(NotifyReady),
    Event(Event),
}

impl Told {
    fn tell(&self, news: News) {
        // Nobody may listen any more.
        match news {
            News::Ready(ready) => drop(self.ready.send(ready)),
            News::Event(event) => drop(self.events.send(event)),
        }
    }
}

fn serve(socket: &OwnedFd, told: &Told, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // A timeout, or a peer that is gone already: look again.
        let Ok(peer) = accept_with(socket, SocketFlags::CLOEXEC) else { continue };
        let told = told.clone();
        std::thread::spawn(move || {
            // An engine connects for each upcall, and closes: a silent connection ends by its timeout.
            let Ok(mut peer) = Connection::over(peer, Duration::from_secs(10)) else { return };
            while answer_one(&mut peer, &told).is_ok() {}
        });
    }
}

/// The answer to a call.
struct Answer {
    status: Status,
    body: Vec<u8>,
    news: Option<News>,
}

impl Answer {
    fn refusal(status: Status) -> Self {
        Answer { status, body: Vec::new(), news: None }
    }
}

fn answer_one(peer: &mut Connection, told: &Told) -> io::Result<()> {
    let bytes = peer.receive()?;
    let (sequence, answer) = match Call::decode(bytes.as_slice()) {
        Err(_) => (-1, Answer::refusal(Status::FailedUnmarshalCall)),
        Ok(call) => (call.sequence, handle(&call)),
    };
    let response = Response { sequence, status: answer.status.into(), body: answer.body };
    let sent = peer.send(&response.encode_to_vec());
    // Only now: whoever waits for the news may call the engine, which must have its answer first. An engine that wants
    // none may be gone already.
    if let Some(news) = answer.news {
        told.tell(news);
    }
    sent
}

fn handle(call: &Call) -> Answer {
    let accept = |body, news| Answer { status: Status::Success, body, news };
    let body = call.body.as_slice();
    match (call.module, call.method) {
        (module::SRV, method::NOTIFY_READY) => match NotifyReady::decode(body) {
            Ok(ready) => accept(Vec::new(), Some(News::Ready(ready))),
            Err(_) => Answer::refusal(Status::FailedUnmarshalPayload),
        },
        (module::SRV, method::CLUSTER_EVENT) => match ClusterEvent::decode(body) {
            Ok(ClusterEvent { sequence, event }) => {
                let seen = ClusterEventSeen { sequence, status: 0 };
                accept(seen.encode_to_vec(), event.map(News::Event))
            }
            Err(_) => Answer::refusal(Status::FailedUnmarshalPayload),
        },
        (module::SRV, _) => Answer::refusal(Status::UnknownMethod),
        _ => Answer::refusal(Status::UnknownModule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_arrive_and_the_rest_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let plane = ControlPlane::listen(directory.path()).unwrap();
        let mut engine =
            Connection::open(&directory.path().join("daos_server.sock"), Duration::from_secs(20)).unwrap();

        let notification = NotifyReady { ntgts: 3, ..NotifyReady::default() };
        let answer = engine.call(module::SRV, method::NOTIFY_READY, notification.encode_to_vec()).unwrap();
        assert_eq!(answer.status(), Status::Success);
        assert_eq!(plane.wait_ready(Duration::from_secs(20)), Some(notification));

        let event = Event { id: 17, rank: 3, ..Event::default() };
        let cluster_event = ClusterEvent { sequence: 5, event: Some(event.clone()) };
        let answer = engine.call(module::SRV, method::CLUSTER_EVENT, cluster_event.encode_to_vec()).unwrap();
        let seen = ClusterEventSeen::decode(answer.body.as_slice()).unwrap();
        assert_eq!((answer.status(), seen.sequence), (Status::Success, 5));
        assert_eq!(plane.wait_event(Duration::from_secs(20)), Some(event));

        assert_eq!(engine.call(module::SRV, 999, vec![]).unwrap().status(), Status::UnknownMethod);
        assert_eq!(engine.call(99, 1, vec![]).unwrap().status(), Status::UnknownModule);
        assert_eq!(
            engine.call(module::SRV, method::NOTIFY_READY, vec![0xff]).unwrap().status(),
            Status::FailedUnmarshalPayload
        );
        engine.send(&[0xff; 5]).unwrap();
        let refusal = Response::decode(engine.receive().unwrap().as_slice()).unwrap();
        assert_eq!((refusal.status(), refusal.sequence), (Status::FailedUnmarshalCall, -1));
    }
}
