/* What the module keeps for each xstream: made by its TLS key when the xstream starts, freed when
 * it stops. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include "counter.h"

static D_LIST_HEAD(all_xstreams);
static pthread_mutex_t all_xstreams_lock = PTHREAD_MUTEX_INITIALIZER;

/* Writes the CPUs that the calling thread may use as "0-3,8"; cuts the list off where \a len ends.
 */
static void
print_bound_cpus(char *text, size_t len)
{
	cpu_set_t set;
	size_t used = 0;
	int first;
	int last;

	text[0] = '\0';
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (first = 0; first < CPU_SETSIZE; first = last + 1) {
		last = first;
		if (!CPU_ISSET(first, &set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
			last++;
		used += snprintf(text + used, len - used, first == last ? "%s%d" : "%s%d-%d",
				 used == 0 ? "" : ",", first, last);
		if (used >= len)
			return;
	}
}

/* Runs on the thread of each new xstream, after the thread was bound and named. */
static void *
xstream_init(int tags, int xs_id, int tgt_id)
{
	struct counter_xstream *xs;

	D_ALLOC_PTR(xs);
	if (xs == NULL)
		return NULL;
	xs->xs_id = xs_id;
	xs->tgt_id = tgt_id;
	atomic_store(&xs->cpu, sched_getcpu());
	pthread_getname_np(pthread_self(), xs->name, sizeof(xs->name));
	print_bound_cpus(xs->cpus, sizeof(xs->cpus));

	pthread_mutex_lock(&all_xstreams_lock);
	d_list_add_tail(&xs->link, &all_xstreams);
	pthread_mutex_unlock(&all_xstreams_lock);
	return xs;
}

static void
xstream_fini(int tags, void *data)
{
	struct counter_xstream *xs = data;

	pthread_mutex_lock(&all_xstreams_lock);
	d_list_del(&xs->link);
	pthread_mutex_unlock(&all_xstreams_lock);
	D_FREE(xs);
}

struct dss_module_key counter_key = {
	.dmk_tags = DAOS_SERVER_TAG,
	.dmk_index = -1,
	.dmk_init = xstream_init,
	.dmk_fini = xstream_fini,
};

struct counter_xstream *
counter_here(void)
{
	return dss_module_key_get(dss_tls_get(), &counter_key);
}

void
counter_add(struct counter_xstream *xs, atomic_uint_fast64_t *field)
{
	atomic_fetch_add_explicit(field, 1, memory_order_relaxed);
	atomic_store_explicit(&xs->cpu, sched_getcpu(), memory_order_relaxed);
}

static int
report_one(const struct counter_xstream *xs, Counter__Report *report)
{
	Counter__Xstream *entry;

	D_ALLOC_PTR(entry);
	if (entry == NULL)
		return -DER_NOMEM;
	counter__xstream__init(entry);
	report->xstreams[report->n_xstreams++] = entry;

	D_STRNDUP(entry->name, xs->name, sizeof(xs->name));
	D_STRNDUP(entry->cpus, xs->cpus, sizeof(xs->cpus));
	if (entry->name == NULL || entry->cpus == NULL)
		return -DER_NOMEM;
	entry->xs_id = xs->xs_id;
	entry->tgt_id = xs->tgt_id;
	entry->cpu = atomic_load(&xs->cpu);
	entry->ults = atomic_load(&xs->ults);
	entry->tasks = atomic_load(&xs->tasks);
	entry->chores = atomic_load(&xs->chores);
	entry->offloads = atomic_load(&xs->offloads);
	return 0;
}

int
counter_report(Counter__Report *report)
{
	struct counter_xstream *xs;
	size_t count = 0;
	int rc = 0;

	/* Nothing between lock and unlock lets another ULT run: the lock is of the thread, not of
	 * the ULT. */
	pthread_mutex_lock(&all_xstreams_lock);
	d_list_for_each_entry(xs, &all_xstreams, link) count++;
	D_ALLOC_ARRAY(report->xstreams, count);
	if (report->xstreams == NULL)
		rc = -DER_NOMEM;
	else
		d_list_for_each_entry(xs, &all_xstreams, link)
		{
			rc = report_one(xs, report);
			if (rc != 0)
				break;
		}
	pthread_mutex_unlock(&all_xstreams_lock);
	return rc;
}

static void
free_text(char *text)
{
	/* until it is set, a string field points to protobuf-c's own empty string */
	if (text != protobuf_c_empty_string)
		D_FREE(text);
}

void
counter_report_free(Counter__Report *report)
{
	size_t i;

	for (i = 0; i < report->n_xstreams; i++) {
		free_text(report->xstreams[i]->name);
		free_text(report->xstreams[i]->cpus);
		D_FREE(report->xstreams[i]);
	}
	D_FREE(report->xstreams);
}
