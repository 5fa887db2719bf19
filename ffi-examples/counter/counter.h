/* The parts of the counter module. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdatomic.h>
#include <daos_srv/daos_engine.h>
#include "counter.pb-c.h"

/*
 * What the module keeps for each xstream. The xstream itself writes it; a report on another xstream
 * reads it at the same time, hence the atomics.
 */
struct counter_xstream {
	d_list_t link; /* in the list of all xstreams */
	char name[16];
	int xs_id;
	int tgt_id;
	char cpus[64];
	_Atomic int cpu;
	atomic_uint_fast64_t ults;
	atomic_uint_fast64_t tasks;
	atomic_uint_fast64_t chores;
	atomic_uint_fast64_t offloads;
};

/* xstreams.c: the module's key, which gives each xstream a counter_xstream */
extern struct dss_module_key counter_key;

/* That of the xstream on which the caller runs. */
struct counter_xstream *counter_here(void);

/* Counts one more in *\a field of this xstream, and notes on which CPU that was. */
void counter_add(struct counter_xstream *xs, atomic_uint_fast64_t *field);

/* Fills \a report with all xstreams; counter_report_free() frees what it allocates. */
int counter_report(Counter__Report *report);
void counter_report_free(Counter__Report *report);

/* work.c: each fills \a outcome, its status included */
void counter_spread(uint32_t amount, Counter__Outcome *outcome);
void counter_sum(Counter__Outcome *outcome);
void counter_do_chores(uint32_t amount, Counter__Outcome *outcome);
void counter_offload(uint32_t amount, Counter__Outcome *outcome);

#endif /* COUNTER_H */
