//! The part of libdaos_common that belongs to the engine: TLS, the dRPC channel, log facilities, fault locations.
