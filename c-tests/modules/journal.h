/* What the test modules of daos_engine_module_test.c share. */
#include <stdio.h>
#include <stdlib.h>

#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>

/* Tells the test what happens to a module: a word on the descriptor that MODULE_JOURNAL names. */
static inline void
journal(const char *event)
{
	const char *fd = getenv("MODULE_JOURNAL");

	if (fd != NULL)
		dprintf(atoi(fd), "%s ", event);
}

/* sm_init and the like that tell it and succeed. */
#define JOURNALED(name, event)             \
	static int name##_##event(void)    \
	{                                  \
		journal(#name ":" #event); \
		return 0;                  \
	}
