//! Any bytes from a peer: a context takes the frames in them or refuses them, keeps to its limits, and lets nobody touch
//! its memory.
#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use cart::rpc::{Attachments, Context, Event, Groups, Identity, Link, Now, Output, Protocols, Rpc, Settings};
use cart::wire::{Head, Hello, MaxFrame, PREFIX, Permission, Prefix};
use libfuzzer_sys::fuzz_target;

// Provides the symbols that error messages need.
extern crate gurt as _;

struct Shell;

impl Attachments for Shell {
    type Request = ();
    type Transfer = ();
    type Memory = Vec<u8>;
}

fuzz_target!(|input: &[u8]| {
    let mut protocols = Protocols::default();
    protocols.register(0, 0, vec![Rpc::default(); 4]).expect("a new protocol");
    let identity = Identity { tag: 0, incarnation: 1, uri: None, secret: 1 };
    let (settings, groups) = (Settings::default(), Groups::new("group"));
    let mut context: Context<Shell> = Context::new(identity, settings, groups, Arc::new(protocols));
    let memory = context.register(vec![7; 64], Permission::Read);
    let hello = Hello { group: "group".into(), rank: None, tag: 0, incarnation: 2, channel: 1 };
    let link = Link::accepted(1);
    let mut now = Now::default();
    context.connected(now, link, &hello);
    let (mut rest, mut sent) = (input, 0);
    while let Some((prefix, after)) = rest.split_first_chunk::<PREFIX>() {
        let Ok(prefix) = Prefix::decode(prefix, MaxFrame::default()) else { break };
        let Some((head, after)) = after.split_at_checked(prefix.head) else { break };
        let Some((body, after)) = after.split_at_checked(prefix.body) else { break };
        let Ok(head) = Head::decode(prefix, head) else { break };
        rest = after;
        now.nanos += 1_000_000;
        context.receive(now, link, head, Bytes::copy_from_slice(body));
        while let Some(event) = context.next_event() {
            if let Event::Request(incoming) = event {
                context.reply(now, incoming.id, Ok(()), incoming.body);
            }
        }
        while let Some(output) = context.next_output() {
            sent += usize::from(matches!(output, Output::Send { .. }));
        }
        context.progress(now);
    }
    assert!(sent <= input.len(), "more answers than questions");
    assert_eq!(context.memory(memory), Some(&vec![7; 64]));
});
