//! The part of libgurt that the engine and its modules use: logging, errors, allocation, lists, hash, heap.
