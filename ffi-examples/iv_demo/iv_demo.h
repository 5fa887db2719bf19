/*
 * Two classes of incast variables: notes, which every rank keeps, and tallies, which only the
 * leader keeps. classes.c says how values are stored and what happens to them on their way;
 * iv_demo.c is the module with its dRPC methods.
 */
#ifndef IV_DEMO_H
#define IV_DEMO_H

#include <daos_srv/daos_engine.h>
#include <daos_srv/iv.h>
#include "iv_demo.pb-c.h"

/* Ids of the classes; those of DAOS end before. */
enum { IV_DEMO_FIRST_CLASS = 40, IV_DEMO_CLASSES = 2 };

/* The value of a variable of either class: what travels between ranks. */
struct iv_demo_value {
	uint64_t sum;    /* of a tally; in an update what is added */
	uint32_t writer; /* of a note: the rank that wrote it */
	char text[128];  /* of a note */
};

/* How often the callbacks of each class have run. All of them run on the system xstream. */
extern struct iv_demo_calls {
	uint64_t updates, reads, refreshes, invalidations;
} iv_demo_calls[IV_DEMO_CLASSES];

/* Registers the classes, undoes it. */
int iv_demo_classes_register(void);
void iv_demo_classes_unregister(void);

/* A list with one vector over \a value, which stays the caller's. */
struct iv_demo_sgl {
	d_sg_list_t sgl;
	d_iov_t iov;
};

static inline void
iv_demo_sgl_set(struct iv_demo_sgl *list, struct iv_demo_value *value)
{
	d_iov_set(&list->iov, value, sizeof(*value));
	list->sgl.sg_nr = 1;
	list->sgl.sg_nr_out = 1;
	list->sgl.sg_iovs = &list->iov;
}

#endif /* IV_DEMO_H */
