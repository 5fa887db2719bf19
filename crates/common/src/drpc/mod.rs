//! The dRPC channel: `common/drpc.c` and its messages, `drpc.pb-c.c`.
