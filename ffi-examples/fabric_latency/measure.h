/* How long something takes, for the programs of this folder. */
#ifndef MEASURE_H
#define MEASURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void
check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s: error %d\n", program_invocation_short_name, what, rc);
	exit(1);
}

static double
micros(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int
compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void
print_heading(void)
{
	printf("%-32s %10s %10s %10s\n", "microseconds", "least", "median", "99 %");
	fflush(stdout);
}

/* Does it `count` times, and before that a tenth as often, to warm up. Prints a line. */
static void
measure(const char *name, int count, void (*once)(const void *arg), const void *arg)
{
	double *times = calloc(count, sizeof(*times));

	if (times == NULL)
		check(1, "calloc");
	for (int i = -count / 10; i < count; i++) {
		double begin = micros();

		once(arg);
		if (i >= 0)
			times[i] = micros() - begin;
	}
	qsort(times, count, sizeof(*times), compare);
	printf("%-32s %10.2f %10.2f %10.2f\n", name, times[0], times[count / 2],
	       times[count - 1 - count / 100]);
	fflush(stdout);
	free(times);
}

#endif /* MEASURE_H */
