//! dRPC in the engine: the server that answers the control plane, and the client that calls it.
