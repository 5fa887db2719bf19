//! The part of daos_server that an engine talks to: a listener that takes its upcalls.

use crate::connection::{Connection, new_socket};
use crate::message::{Call, NotifyReady, Response, Status, method, module};
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
        let (send, ready) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let listener = std::thread::spawn(move || serve(&socket, &send, &stopped));
        Ok(Self { ready, stop, listener: Some(listener) })
    }

    /// Waits for an engine's NotifyReady, at most for `limit`.
    pub fn wait_ready(&self, limit: Duration) -> Option<NotifyReady> {
        self.ready.recv_timeout(limit).ok()
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

fn serve(socket: &OwnedFd, ready: &Sender<NotifyReady>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // A timeout, or a peer that is gone already: look again.
        let Ok(peer) = accept_with(socket, SocketFlags::CLOEXEC) else { continue };
        let ready = ready.clone();
        std::thread::spawn(move || {
            // An engine connects for each upcall, and closes: a silent connection ends by its timeout.
            let Ok(mut peer) = Connection::over(peer, Duration::from_secs(10)) else { return };
            while answer_one(&mut peer, &ready).is_ok() {}
        });
    }
}

fn answer_one(peer: &mut Connection, ready: &Sender<NotifyReady>) -> io::Result<()> {
    let bytes = peer.receive()?;
    let (call, notification, status) = match Call::decode(bytes.as_slice()) {
        Err(_) => (Call { sequence: -1, ..Call::default() }, None, Status::FailedUnmarshalCall),
        Ok(call) => {
            let (notification, status) = handle(&call);
            (call, notification, status)
        }
    };
    let response = Response { sequence: call.sequence, status: status.into(), body: Vec::new() };
    peer.send(&response.encode_to_vec())?;
    // Only now: whoever waits for the notification may call the engine, which must have its answer first.
    if let Some(notification) = notification {
        let _ = ready.send(notification);
    }
    Ok(())
}

fn handle(call: &Call) -> (Option<NotifyReady>, Status) {
    match (call.module, call.method) {
        (module::SRV, method::NOTIFY_READY) => match NotifyReady::decode(call.body.as_slice()) {
            Ok(notification) => (Some(notification), Status::Success),
            Err(_) => (None, Status::FailedUnmarshalPayload),
        },
        (module::SRV, _) => (None, Status::UnknownMethod),
        _ => (None, Status::UnknownModule),
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
