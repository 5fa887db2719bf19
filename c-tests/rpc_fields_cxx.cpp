/* What a module writes in C compiles as C++: rpc_fields.h. */
#include "rpc_fields.h"

CRT_RPC_DEFINE(write, ISEQ_WRITE, OSEQ_WRITE)
CRT_RPC_DEFINE(stop, ISEQ_STOP, OSEQ_STOP)
CRT_RPC_DEFINE(ping, , )
