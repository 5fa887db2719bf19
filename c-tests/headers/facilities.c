/* Brings a log facility and a debug stream of its own, and uses the macros for that: see macros.c.
 */
#define DD_FAC(name) example_##name##_logfac
#define D_LOGFAC     DD_FAC(one)

#include <gurt/debug.h>
#include <gurt/debug_setup.h>

#define STREAMS(ACTION, arg)    ACTION(DB_EXAMPLE, example, example, 0, arg)
#define FACILITIES(ACTION, arg) ACTION(one, one, arg)

STREAMS(D_LOG_DECLARE_DB, D_NOOP)
STREAMS(D_LOG_INSTANTIATE_DB, D_NOOP)
D_LOG_DECLARE_FAC(one, one, STREAMS)
D_LOG_INSTANTIATE_FAC(one, one, STREAMS)

int
use_of_facilities(void)
{
	int rc = D_LOG_REGISTER_DB(STREAMS);

	if (rc == 0)
		rc = D_LOG_REGISTER_FAC(FACILITIES);
	D_DEBUG(DB_EXAMPLE, "rc %d\n", rc);
	return rc == 0 ? D_LOG_DEREGISTER_DB(STREAMS) : rc;
}
